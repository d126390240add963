package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/adopt"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/delivery"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/flags"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal/spool"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/log"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/omprog"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/omprog/lines"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// account owes the lines to rsyslog.
type account interface {
	omprog.Account
	Outstanding() int
	Unconfirmed() int
	Unjournaled() int
	Counters() delivery.Counters
}

func run(ctx context.Context, args []string, stdin, stdout *os.File, stderr *log.Writer) error {
	o, err := parseOptions(args, stdout)
	if err != nil {
		return err
	}
	p := &process{o: o, logger: o.Logger(stderr)}
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
	if p.socket, p.account, err = newAccount(o, p.logger, p.own); err != nil {
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
	in, err := lines.NewReader(int(stdin.Fd()), o.longestLine())
	if err != nil {
		return fmt.Errorf("cannot read standard input: %w", err)
	}
	defer in.Close()
	server := &omprog.Server{In: in, Machine: p.machine(), Account: p.account, Logger: p.logger, Ended: func() { cancel(nil) }}
	err = cmp.Or(converse(ctx, draining, server, stdout), shared(flags.Failure(ctx)))
	if n := in.Unterminated(); n > 0 {
		p.logger.Warn("the last line did not end and is not a message; rsyslog's template must end with a line feed", "bytes", n)
	}
	cancel(nil)
	return p.end(draining, &adopting, server.Over, err)
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
	truncated int // lines that were cut
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
	c := p.account.Counters()
	p.logger.Info("end", "received", c.Received, "confirmed", c.Confirmed, "failures told to rsyslog", c.Failed, "resent", c.Resent, "lost", c.Lost, "truncated", p.truncated,
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
	owed.Poll()
	if _, why := owed.Outcome(); err == nil {
		err = why
	}
	if err == nil {
		return fmt.Errorf("%d messages were not confirmed", n)
	}
	return fmt.Errorf("%d messages were not confirmed: %w", n, err)
}

func (p *process) machine() *omprog.Machine {
	return omprog.NewMachine(omprog.Config{
		BeginMark:   p.o.beginMark,
		CommitMark:  p.o.commitMark,
		SendTimeout: p.o.sendTimeout,
		MaxLine:     p.o.maxLine(),
		Truncated: func(int) {
			if p.truncated++; p.truncated == 1 {
				p.logger.Warn("a line is longer than --max-message-size allows and was cut (logged once)", "limit", p.o.maxLine())
			}
		},
	}, p.account)
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
func newAccount(o *options, logger *slog.Logger, own *spool.Journal) (*zmq.Socket, account, error) {
	if o.socketType == zmq.Pub {
		return newPublisher(o, logger)
	}
	return newSender(o, logger, own)
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

// newSender makes a socket and the account of what it owes, beginning with what is in the journal, if there is one.
func newSender(o *options, logger *slog.Logger, j *spool.Journal) (*zmq.Socket, *delivery.Sender, error) {
	cfg := o.Socket(o.socketType, logger)
	lost := &omprog.Losses{Logger: logger}
	about := delivery.SenderConfig{Confirm: o.confirmLevel, Topics: o.topics, Logger: logger, Lost: lost.Add,
		Splits: o.splits}
	id := delivery.NewSenderID()
	if j != nil {
		about.Journal, id = j.Log, j.Log.ID()
	}
	carrier := &carrier{}
	sender := delivery.NewSender(about, carrier)
	if j != nil {
		sender.Restore(j.Records, o.Endpoints()...)
	}
	if o.confirmLevel == delivery.Stored {
		cfg.Identity = id[:]
	}
	cfg.OnUp = func(p *zmq.Peer) { sender.Up(p) }
	cfg.OnDown = func(p *zmq.Peer, _ error) { sender.Down(p) }
	cfg.OnUnreachable = sender.Unreachable
	cfg.OnWritten = func(p *zmq.Peer) { sender.Progress(p) }
	cfg.OnReceive = func(b *zmq.Batch) {
		if o.confirmLevel == delivery.Stored {
			answers(sender, b)
		}
		b.Release()
	}
	var err error
	carrier.Socket, err = zmq.New(cfg)
	return carrier.Socket, sender, err
}

// splits asks which release of rsyslog this process serves.
func splits(logger *slog.Logger) bool {
	release, err := omprog.ReleaseOf(os.Getppid())
	if err != nil {
		logger.Warn("rsyslog's release is not known: what it sends again after two failures in a row may be stored twice", "reason", err)
	}
	return release.Splits()
}

// answers hands a receiver's answers to the sender.
func answers(sender *delivery.Sender, b *zmq.Batch) {
	for i := range b.Len() {
		a, err := delivery.ParseAnswer(b.Frames(i))
		if err != nil {
			b.Peer().Drop(fmt.Errorf("the receiver does not speak acknowledged delivery (is it imzmq --socket router?): %w", err))
			return
		}
		sender.Answer(b.Peer(), a)
	}
}

// carrier is a socket as a delivery.Transport.
type carrier struct{ *zmq.Socket }

func (c *carrier) Queue(frames ...[]byte) delivery.Link {
	if p := c.Socket.Queue(frames...); p != nil {
		return p
	}
	return nil
}
