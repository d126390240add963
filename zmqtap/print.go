package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/pflag"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/check"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/flags"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/log"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/status"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/terminal"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// The most that waits for a terminal or a pipe that does not keep up. It is much, because there is only one
// reader, and pipes are read in bursts.
const (
	printQueue      = 1 << 16
	printQueueBytes = 16 << 20
)

// printOptions are the flags of zmqtap without a command.
type printOptions struct {
	source
	selection
	raw, json bool
	rateOptions
	noColor bool
}

func parsePrint(args []string, stdout *os.File) (*printOptions, error) {
	o := &printOptions{}
	fs := flags.NewSet(flags.Program{
		Name:     program,
		Commands: []string{"serve", "hub", "record", "replay", "status"},
		Summary: "Prints the stream that the publishers at ENDPOINT... send.\n" +
			"Other ways to use it: zmqtap serve --help, zmqtap hub --help, zmqtap record --help, zmqtap replay --help, " +
			"zmqtap status --help.",
		Environment: noColorVariable,
		Examples: []flags.Example{
			{Purpose: "Everything", Command: "zmqtap tcp://127.0.0.1:5556"},
			{Purpose: "Lines of some topics that match a regular expression",
				Command: "zmqtap --topic auth. --grep 'Failed|refused' tcp://127.0.0.1:5556"},
			{Purpose: "Who logs how much, like top", Command: "zmqtap --rate --by host tcp://127.0.0.1:5556"},
			{Purpose: "For scripts: a hundred messages as JSON, from two publishers",
				Command: "zmqtap --json --count 100 tcp://127.0.0.1:5556 tcp://127.0.0.1:5558"},
		},
	}, &o.Common)
	o.addTopics(fs)
	o.selection.add(fs, "print")
	o.addForms(fs)
	o.rateOptions.add(fs)
	if err := o.parse(fs, args, stdout); err != nil {
		return nil, err
	}
	switch {
	case (o.raw && o.json) || (o.rate && (o.raw || o.json)):
		return nil, flags.Usage("--raw, --json and --rate exclude each other")
	}
	if err := o.rateOptions.validate(fs); err != nil {
		return nil, err
	}
	return o, o.compile()
}

var noColorVariable = []flags.Variable{{Name: "NO_COLOR", Meaning: "If it is not empty, the output has no colors."}}

// addForms adds the flags for what is printed of a message.
func (o *printOptions) addForms(fs *pflag.FlagSet) {
	fs.BoolVar(&o.raw, "raw", false,
		"print only the payload; into a pipe, its line feeds as #012 and all other bytes unchanged")
	fs.BoolVar(&o.json, "json", false,
		`print each message as a line of JSON: {"topic","message","received"}, with "time", "host", "program", "pid", "facility", `+
			`"severity", "text", "structured" and "fields" where it has them; topic_base64 and message_base64 if it is not UTF-8`)
	fs.BoolVar(&o.noColor, "no-color", false,
		"print no colors, not even on a terminal; like NO_COLOR in the environment")
}

func runPrint(ctx context.Context, args []string, stdout *os.File, stderr *log.Writer) error {
	o, err := parsePrint(args, stdout)
	if err != nil {
		return err
	}
	if o.Check.Wanted {
		return check.Run(ctx, stdout, check.Program{Name: program}, "", &check.Subject{Try: o.try})
	}
	o.Budget().Govern(ctx)
	onTerminal := terminal.IsTerminal(stdout)
	markOwn(stdout, stderr, o.noColor)
	logger := o.Logger(stderr)
	if o.wantsScreen(onTerminal) && terminal.IsTerminal(stderr.File()) {
		logger = slog.New(slog.DiscardHandler) // log lines would disturb the screen
	}
	unwatch, err := o.Secure(logger, hangups)
	if err != nil {
		return err
	}
	defer unwatch()
	stream := tap.New(0)
	reader := stream.Join(tap.Interest{Queue: printQueue, QueueBytes: printQueueBytes})
	signalled := ctx
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	socket, err := o.open(stream, logger, cancel)
	if err != nil {
		return err
	}
	if o.duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.duration)
		defer cancel()
	}
	source := status.Source{Sockets: []*zmq.Socket{socket}, Numbers: o.statistics(stream, socket)}
	endMonitor := o.Monitor(source, logger, stderr)
	v := newView(o, reader, stdout, onTerminal, logger)
	if o.wantsScreen(onTerminal) {
		defer v.openScreen()()
	}
	err = cmp.Or(v.watch(ctx), flags.Failure(ctx))
	endMonitor()
	if errors.Is(ctx.Err(), context.DeadlineExceeded) && !o.connected.Load() {
		fmt.Fprintf(stderr, "%sno publisher was connected in %v: %s\n", message.Own, o.duration, cmp.Or(socket.Trouble(), "none has come"))
	}
	if summary := v.summary(); signalled.Err() != nil || v.quitted() || summary.Slow+summary.Dropped+summary.Lost > 0 {
		fmt.Fprint(stderr, summary.String())
	}
	over, stop := context.WithCancel(context.Background())
	stop() // there is nothing to send to publishers
	socket.Close(over)
	if errors.Is(err, terminal.ErrClosed) {
		return nil // as with | head
	}
	return err
}
