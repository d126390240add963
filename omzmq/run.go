package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/adopt"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/delivery"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/flags"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal/spool"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/log"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/omprog"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/omprog/lines"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/statistics"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// account owes the lines to rsyslog.
type account interface {
	omprog.Account
	Outstanding() int
	Unconfirmed() int
	Unjournaled() int
	Counters() delivery.Counters
	State() delivery.State
}

func run(ctx context.Context, args []string, stdin, stdout *os.File, stderr *log.Writer) error {
	if len(args) > 0 && args[0] == "status" {
		return flags.Status(ctx, program, version, args[1:], stdout)
	}
	o, err := parseOptions(args, stdout)
	if err != nil {
		return err
	}
	if o.Check.Wanted {
		return checked(ctx, o, stdout)
	}
	p := newProcess(o, o.Logger(stderr))
	defer func() { p.endReports() }()
	if o.newID {
		return renewID(o, stdout, p.logger)
	}
	o.splits = sync.OnceValue(func() bool { return splits(p.logger) })
	unwatch, err := o.Secure(p.logger, hangups)
	if err != nil {
		return err
	}
	defer unwatch()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	draining, stop := o.Lingering(ctx)
	defer stop()
	o.Budget().Govern(ctx)
	var folder *spool.Folder
	if folder, p.own, err = openJournal(o, p.logger); err != nil {
		return err
	}
	defer p.leave()
	if p.socket, p.account, err = p.newAccount(); err != nil {
		return err
	}
	if err := o.Open(p.socket, p.logger, cancel); err != nil {
		return shared(err)
	}
	var adopting sync.WaitGroup
	if adopter := newAdopter(ctx, o, folder, p.own, p.account, p.logger); adopter != nil {
		p.account = adopter.Account()
		adopting.Go(func() { adopter.Run(ctx) })
	}
	p.restrain()
	p.endMonitor = o.Monitor(p.source(), p.logger, stderr)
	var over bool
	if o.relp != "" {
		err = p.serve(ctx, draining)
	} else {
		over, err = p.pipe(ctx, draining, func() { cancel(nil) }, stdin, stdout)
	}
	err = cmp.Or(err, shared(flags.Failure(ctx)))
	cancel(nil)
	return p.end(draining, &adopting, over, err)
}

// pipe takes lines from rsyslog's pipe, as omprog writes them, until it ends. over: rsyslog has closed its pipes, and
// has an answer to everything.
func (p *process) pipe(ctx, draining context.Context, ended func(), stdin, stdout *os.File) (over bool, err error) {
	in, err := lines.NewReader(int(stdin.Fd()), p.o.longestLine())
	if err != nil {
		return false, fmt.Errorf("cannot read standard input: %w", err)
	}
	defer in.Close()
	server := &omprog.Server{In: in, Machine: p.machine(), Account: p.account, Logger: p.logger, Ended: ended}
	err = converse(ctx, draining, server, stdout)
	if n := in.Unterminated(); n > 0 {
		p.logger.Warn("the last line did not end and is not a message; rsyslog's template must end with a line feed", "bytes", n)
	}
	return server.Over, err
}

// shared adds to the error of an address that is taken who may have taken it.
func shared(err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w; if that is another omzmq: several workers of one action need forceSingleInstance=\"on\"", err)
	}
	return err
}

// process is an omzmq that runs.
type process struct {
	o         *options
	logger    *slog.Logger
	own       *spool.Journal // its own journal; nil: none, or removed
	socket    *zmq.Socket
	account   account
	truncated atomic.Int64 // lines that were cut

	outcomes   outcomes
	ages       *statistics.Histogram // of confirmed lines
	endMonitor func()                // see flags.Common.Monitor
	endReports func()                // see flags.Common.Report
}

func newProcess(o *options, logger *slog.Logger) *process {
	return &process{o: o, logger: logger, endReports: func() {}, ages: statistics.Durations(),
		outcomes: outcomes{logger: logger, sizes: statistics.Sizes(), times: statistics.Durations()}}
}

// end is what omzmq promises about its end. By now the conversation is over; ctx has ended, and with it the delivery of
// orphans. over: rsyslog has closed its pipes, and has an answer to everything.
//
//  1. What is owed is delivered, for as long as draining lasts.
//  2. What peers have not taken is written to them, within the same time.
//  3. The orphan journals are closed. What is not confirmed stays in them, for another process.
//  4. The own journal is removed when it is spent. Otherwise it stays for the next omzmq.
//  5. It returns nil only if everything is confirmed or in a journal.
func (p *process) end(draining context.Context, adopting *sync.WaitGroup, over bool, failure error) error {
	drain(draining, p.account)
	if n := p.socket.Close(draining); n > 0 {
		p.logger.Warn("messages were still queued for peers that did not take them", "messages", n)
	}
	adopting.Wait()
	p.closeJournal(over)
	p.endMonitor()
	c := p.account.Counters()
	p.logger.Info("end", "received", c.Received, "confirmed", c.Confirmed, "failures told to rsyslog", c.Failed, "resent", c.Resent, "lost", c.Lost, "truncated", p.truncated.Load(),
		"connections refused", p.socket.Refused())
	return verdict(failure, p.account)
}

// drain waits until everything that is owed is confirmed or refused, for as long as ctx lasts.
func drain(ctx context.Context, owed account) {
	const interval = 10 * time.Millisecond // what only the kernel knows is not notified
	poll := time.NewTicker(interval)
	defer poll.Stop()
	for {
		owed.Poll()
		if owed.Outstanding() == 0 {
			return
		}
		select {
		case <-owed.Changed():
		case <-poll.C:
		case <-ctx.Done():
			return
		}
	}
}

// closeJournal removes the own journal when it is spent, and else leaves it to the next omzmq.
func (p *process) closeJournal(over bool) {
	if p.own == nil {
		return
	}
	if adopt.Spent(p.account, p.own.Log, over) {
		p.removeJournal()
	} else if safe := p.account.Unconfirmed() - p.account.Unjournaled(); safe > 0 {
		p.logger.Warn("messages are not confirmed; they are kept in the journal, and the next omzmq delivers them",
			"messages", safe, "file", p.own.Path())
	}
}

// leave removes a journal with nothing in it, however the program ends.
func (p *process) leave() {
	if p.own != nil && p.own.Log.Empty() {
		p.removeJournal()
	}
}

// removeJournal removes the own journal, and with it the memory of the account's lines.
func (p *process) removeJournal() {
	p.own.Remove()
	p.own = nil
}

// verdict is what the program ends with: no error only if everything that is owed is in a journal.
func verdict(err error, owed account) error {
	n := owed.Unjournaled()
	if n == 0 {
		return err
	}
	unconfirmed := message.Count(n, "message was not confirmed", "messages were not confirmed")
	owed.Poll()
	if _, why := owed.Outcome(); err == nil {
		err = why
	}
	if err == nil {
		return errors.New(unconfirmed)
	}
	return fmt.Errorf("%s: %w", unconfirmed, err)
}

func (p *process) machine() *omprog.Machine {
	return omprog.NewMachine(omprog.Config{
		BeginMark:   p.o.beginMark,
		CommitMark:  p.o.commitMark,
		SendTimeout: p.o.sendTimeout,
		MaxLine:     p.o.maxLine(),
		Truncated:   p.cut,
		ReplyFirst:  p.own == nil,
		Outcome:     p.outcomes.note,
	}, p.account)
}

// cut counts a line that was cut. Any goroutine may call it.
func (p *process) cut(int) {
	if p.truncated.Add(1) == 1 {
		p.logger.Warn("a line is longer than --max-message-size allows and was cut (logged once)", "limit", p.o.maxLine())
	}
}

// longestLine is how many bytes of a line are read: more than are sent, so that a cut is noticed, and never fewer
// than a mark has.
func (o *options) longestLine() int {
	const character = 4 // bytes of the longest UTF-8 sequence
	return max(o.maxLine()+character, len(o.beginMark), len(o.commitMark))
}

// converse talks to rsyslog until its end.
func converse(ctx, draining context.Context, server *omprog.Server, stdout *os.File) error {
	if omprog.Confirmed(int(stdout.Fd()), int(os.Stderr.Fd())) {
		out, err := lines.NewWriter(int(stdout.Fd()), omprog.DefaultConfirmTimeout)
		if err != nil {
			return err
		}
		defer out.Close()
		server.Out = out
	}
	return server.Run(ctx, draining)
}

// newAccount makes the socket and the account of what it owes.
func (p *process) newAccount() (*zmq.Socket, account, error) {
	if p.o.socketType == zmq.Pub {
		return newPublisher(p.o, p.logger)
	}
	first := uint64(1)
	if p.own != nil {
		first = p.own.Log.Next()
	}
	return newSender(p.o, p.logger, p.own, first, observed{p.ages, p.outcomes.sizes})
}

// feed is a socket as a delivery.Feed.
type feed struct{ *zmq.Socket }

// newPublisher makes a socket that publishes and the account of it.
func newPublisher(o *options, logger *slog.Logger) (*zmq.Socket, *delivery.Publisher, error) {
	cfg := o.Socket(zmq.Pub, logger)
	feed := &feed{}
	publisher := delivery.NewPublisher(o.topics, feed, logger)
	cfg.OnSettled = publisher.Settled
	cfg.Reaching = min(zmq.DefaultReaching, o.sendTimeout/2) // a subscriber that is away is no failure
	var err error
	feed.Socket, err = zmq.New(cfg)
	return feed.Socket, publisher, err
}

// splits asks which release of rsyslog this process serves.
func splits(logger *slog.Logger) bool {
	release, err := omprog.ReleaseOf(os.Getppid())
	if err != nil {
		logger.Warn("rsyslog's release is not known: what it sends again after two failures in a row may be stored twice", "reason", err)
	}
	return release.Splits()
}
