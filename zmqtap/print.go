package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"

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

var printInterest = tap.Interest{Queue: printQueue, QueueBytes: printQueueBytes, Returns: true}

// portion is how many bytes of messages, with what they cost, are taken out of the queue at once. A queue that is taken
// as a whole would fill again meanwhile, and its memory would be needed twice.
const portion = 1 << 20

// portions is a reader that is taken from in portions.
type portions struct{ *tap.Reader }

// Next waits until there is something, and appends a portion of it. It returns dst as it is if ctx ends first.
func (p portions) Next(ctx context.Context, dst []tap.Delivery) []tap.Delivery {
	for {
		if taken := p.TakeSome(dst, portion); len(taken) > len(dst) {
			return taken
		}
		select {
		case <-p.Ready():
		case <-ctx.Done():
			return dst
		}
	}
}

// printOptions are the flags of zmqtap without a command.
type printOptions struct {
	source
	selection
	look
	rateOptions
	last last
}

func parsePrint(args []string, stdout *os.File) (*printOptions, error) {
	o := &printOptions{}
	fs := flags.NewSet(flags.Program{
		Name:        program,
		Commands:    commands,
		Summary:     "Prints the stream of log messages that the publishers at ENDPOINT... send.",
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
	o.last.add(fs, "begin with the last `messages` that a hub remembers, no more than this many of each --topic; 0: none; "+
		"without this flag, all that it remembers, but with --rate none")
	o.look.add(fs)
	o.rateOptions.add(fs)
	if err := o.parse(fs, args, stdout); err != nil {
		return nil, err
	}
	if o.rate && (o.raw || o.json || fs.Changed("format") || o.pretty || o.utc) {
		return nil, flags.Usage("--rate excludes --raw, --json, --format, --pretty and --utc")
	}
	o.last.all = !fs.Changed("last") && !o.rate
	return o, cmp.Or(o.filter.validate(), o.look.validate(fs), o.rateOptions.validate(fs))
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
	if o.wantsScreen(onTerminal) && terminal.IsTerminal(stderr.File()) {
		logger = slog.New(slog.DiscardHandler) // log lines would disturb the screen
	}
	unwatch, err := o.Secure(logger, hangups)
	if err != nil {
		return err
	}
	defer unwatch()
	o.warnOfPatterns(logger)
	stream := tap.New(0)
	reader := portions{stream.Join(printInterest)}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	o.adjust = func(cfg *zmq.Config) { o.greet(cfg, &o.last, logger, forPeople) }
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
	v.socket = socket
	var explaining sync.WaitGroup
	explaining.Go(func() { v.explainSilence(ctx, socket) })
	if o.wantsScreen(onTerminal) {
		defer v.openScreen()()
	}
	err = cmp.Or(v.watch(ctx), flags.Failure(ctx))
	cancel(nil)
	explaining.Wait()
	endMonitor()
	over, stop := context.WithCancel(context.Background())
	stop() // there is nothing to send to publishers
	defer socket.Close(over)
	o.alone(ctx, socket, stderr)
	return v.conclude(err, stderr)
}

// alone says why no publisher was there until --for was over.
func (o *printOptions) alone(ctx context.Context, socket *zmq.Socket, stderr *log.Writer) {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) && !o.connected.Load() {
		fmt.Fprintf(stderr, "no publisher was connected in %v: %s\n", o.duration, cmp.Or(socket.Trouble(), "none has come"))
	}
}

// conclude writes the summary, and returns the error that the program ends with. That nobody reads any more, as with
// | head, is none; then there is a summary only if something is missing.
func (v *view) conclude(err error, stderr *log.Writer) error {
	if summary := v.summary(); err == nil || summary.Missing() {
		fmt.Fprint(stderr, summary.String())
	}
	if errors.Is(err, terminal.ErrClosed) {
		return nil
	}
	return err
}
