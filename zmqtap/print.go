package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
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
	filter
	look
	count    int64         // 0: no end
	duration time.Duration // 0: no end
	last     last

	logFormatGiven bool
	rate           bool
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
	o.filter.add(fs)
	o.last.add(fs)
	flags.Count(fs, &o.count, "count", 0, 1, mostCount, "exit after this many `messages`; 0: no limit")
	flags.Duration(fs, &o.duration, "for", 0, time.Millisecond, flags.MaxDuration, "exit after this long; 0: no limit")
	o.look.add(fs)
	fs.BoolVar(&o.rate, "rate", false,
		"print messages and bytes per second for each topic, every second; in place on a terminal")
	if err := o.parse(fs, args, stdout); err != nil {
		return nil, err
	}
	if o.rate && (o.raw || o.json || fs.Changed("format") || o.pretty) {
		return nil, flags.Usage("--rate excludes --raw, --json, --format and --pretty")
	}
	o.last.given, o.logFormatGiven = fs.Changed("last"), fs.Changed("log-format")
	return o, cmp.Or(o.filter.validate(), o.look.validate(fs))
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
	o.markOwn(stdout, stderr)
	logger, forPeople := o.logger(stderr)
	if o.rate && onTerminal && terminal.IsTerminal(stderr.File()) {
		logger = slog.New(slog.DiscardHandler) // log lines would disturb the table
	}
	unwatch, err := o.Secure(logger, hangups)
	if err != nil {
		return err
	}
	defer unwatch()
	o.warnOfPatterns(logger)
	stream := tap.New(0)
	reader := stream.Join(tap.Interest{Queue: printQueue, QueueBytes: printQueueBytes})
	signalled := ctx
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	o.adjust = func(cfg *zmq.Config) { o.greet(cfg, logger, forPeople) }
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
	silence := time.AfterFunc(silent, func() { v.explainSilence(socket) })
	err = cmp.Or(v.watch(ctx), flags.Failure(ctx))
	silence.Stop()
	endMonitor()
	closed := errors.Is(err, terminal.ErrClosed) // as with | head
	if summary := v.summary(); !closed && err == nil || signalled.Err() != nil || summary.Missing() {
		fmt.Fprint(stderr, summary.String())
	}
	over, stop := context.WithCancel(context.Background())
	stop() // there is nothing to send to publishers
	socket.Close(over)
	if closed {
		return nil
	}
	return err
}
