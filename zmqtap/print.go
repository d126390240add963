package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/check"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/flags"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/log"
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

// mostCount is the most that --count takes: a year of a billion messages a minute.
const mostCount = 1_000_000_000_000_000

// printOptions are the flags of zmqtap without a command.
type printOptions struct {
	source
	grepText        string
	grep            *regexp.Regexp // nil: everything
	count           int64          // 0: no end
	duration        time.Duration  // 0: no end
	raw, json, rate bool
	noColor         bool
}

func parsePrint(args []string, stdout *os.File) (*printOptions, error) {
	o := &printOptions{}
	fs := flags.NewSet(flags.Program{
		Name:     program,
		Commands: []string{"serve", "hub", "status"},
		Summary: "Prints the stream that the publishers at ENDPOINT... send.\n" +
			"Other ways to use it: zmqtap serve --help, zmqtap hub --help, zmqtap status --help.",
		Environment: []flags.Variable{{Name: "NO_COLOR", Meaning: "If it is not empty, the output has no colors."}},
		Examples: []flags.Example{
			{Purpose: "Everything", Command: "zmqtap tcp://127.0.0.1:5556"},
			{Purpose: "Lines of some topics that match a regular expression",
				Command: "zmqtap --topic auth. --grep 'Failed|refused' tcp://127.0.0.1:5556"},
			{Purpose: "For scripts: a hundred messages as JSON, from two publishers",
				Command: "zmqtap --json --count 100 tcp://127.0.0.1:5556 tcp://127.0.0.1:5558"},
		},
	}, &o.Common)
	o.addTopics(fs)
	fs.StringVar(&o.grepText, "grep", "", "print only messages whose payload matches this regular `expression` (RE2)")
	flags.Count(fs, &o.count, "count", 0, 1, mostCount, "exit after this many `messages`; 0: no limit")
	flags.Duration(fs, &o.duration, "for", 0, time.Millisecond, flags.MaxDuration, "exit after this long; 0: no limit")
	fs.BoolVar(&o.raw, "raw", false,
		"print only the payload; into a pipe, its line feeds as #012 and all other bytes unchanged")
	fs.BoolVar(&o.json, "json", false,
		`print each message as a line of JSON: {"topic","message","received"}, with "time", "host", "program", "pid", "facility", `+
			`"severity", "text", "structured" and "fields" where it has them; topic_base64 and message_base64 if it is not UTF-8`)
	fs.BoolVar(&o.rate, "rate", false,
		"print messages and bytes per second for each topic, every second; in place on a terminal")
	fs.BoolVar(&o.noColor, "no-color", false,
		"print no colors, not even on a terminal; like NO_COLOR in the environment")
	if err := o.parse(fs, args, stdout); err != nil {
		return nil, err
	}
	switch {
	case (o.raw && o.json) || (o.rate && (o.raw || o.json)):
		return nil, flags.Usage("--raw, --json and --rate exclude each other")
	}
	var err error
	if o.grep, err = regexp.Compile(o.grepText); err != nil {
		return nil, flags.Usage("--grep: %w", err)
	}
	if o.grepText == "" {
		o.grep = nil
	}
	return o, nil
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
	if o.rate && onTerminal && terminal.IsTerminal(stderr.File()) {
		logger = slog.New(slog.DiscardHandler) // log lines would disturb the table
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
	err = cmp.Or(v.watch(ctx), flags.Failure(ctx))
	endMonitor()
	if summary := v.summary(); signalled.Err() != nil || summary.Slow+summary.Dropped+summary.Before+summary.Lost > 0 {
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
