package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"syscall"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/delivery"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal/spool"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/omprog"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/omprog/lines"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// account is who owes the lines to rsyslog.
type account interface {
	omprog.Account
	Outstanding() int
	Unconfirmed() int
	Unkept() int
	Counters() delivery.Counters
}

func run(ctx context.Context, args []string, stdin, stdout *os.File, stderr io.Writer) error {
	o, err := parseOptions(args, stdout)
	if err != nil {
		return err
	}
	logger := o.Logger(stderr)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	draining, stop := o.Lingering(ctx)
	defer stop()
	kept, err := openKept(o, logger)
	if err != nil {
		return err
	}
	defer kept.leave()
	socket, owed, err := newAccount(o, logger, kept)
	if err != nil {
		return err
	}
	if err := o.Open(socket, logger); err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			err = fmt.Errorf("%w; if that is another omzmq: several workers of one action need forceSingleInstance=\"on\"", err)
		}
		return err
	}
	owed = kept.adopt(ctx, o, owed, logger)
	in, err := lines.NewReader(int(stdin.Fd()), o.longestLine())
	if err != nil {
		return fmt.Errorf("cannot read standard input: %w", err)
	}
	defer in.Close()

	truncated := 0
	server := &omprog.Server{In: in, Machine: newMachine(o, owed, logger, &truncated), Account: owed, Logger: logger, Ended: cancel}
	err = converse(ctx, draining, server, stdout, kept)
	kept.parted(server.Gone)
	cancel()
	if n := in.Unterminated(); n > 0 {
		logger.Warn("the last line did not end and is no message; rsyslog's template must end with a line feed", "bytes", n)
	}
	drain(draining, owed)
	if n := socket.Close(draining); n > 0 {
		logger.Warn("messages were still queued for peers that did not take them", "messages", n)
	}
	kept.end(owed, server.Gone, logger)
	c := owed.Counters()
	logger.Info("end", "received", c.Received, "confirmed", c.Confirmed, "failed", c.Failed, "resent", c.Resent, "truncated", truncated)
	return verdict(err, owed)
}

// verdict is what the program ends with: no error only if nothing is owed but what is in a journal.
func verdict(err error, owed account) error {
	n := owed.Unkept()
	if n == 0 {
		return err
	}
	if _, why := owed.Outcome(); err == nil {
		err = why
	}
	if err == nil {
		return fmt.Errorf("%d messages were not confirmed", n)
	}
	return fmt.Errorf("%d messages were not confirmed: %w", n, err)
}

func newMachine(o *options, owed account, logger *slog.Logger, truncated *int) *omprog.Machine {
	return omprog.NewMachine(omprog.Config{
		BeginMark:   o.beginMark,
		CommitMark:  o.commitMark,
		SendTimeout: o.sendTimeout,
		MaxLine:     o.maxLine(),
		Truncated: func(int) {
			if *truncated++; *truncated == 1 {
				logger.Warn("a line is longer than --max-message-size allows and was cut (said once)", "limit", o.maxLine())
			}
		},
	}, owed)
}

// longestLine is what is read of a line: more than is sent, so that a cut is noticed, and never less than a mark.
func (o *options) longestLine() int {
	const character = 4 // bytes of the longest UTF-8 sequence
	return max(o.maxLine()+character, len(o.beginMark), len(o.commitMark))
}

// converse talks to rsyslog until its end.
func converse(ctx, draining context.Context, server *omprog.Server, stdout *os.File, kept *kept) error {
	if omprog.Confirmed(int(stdout.Fd()), int(os.Stderr.Fd())) {
		out, err := lines.NewWriter(int(stdout.Fd()), omprog.DefaultConfirmTimeout)
		if err != nil {
			return err
		}
		defer out.Close()
		server.Out = kept.replies(out)
	} else if kept.own != nil {
		kept.own.Log.Parted(true)
	}
	return server.Run(ctx, draining)
}

// newAccount makes the socket and the account of what it owes.
func newAccount(o *options, logger *slog.Logger, kept *kept) (*zmq.Socket, account, error) {
	if o.socketType == zmq.Pub {
		socket, err := zmq.New(o.Socket(zmq.Pub, logger))
		return socket, delivery.NewPublisher(o.topics, socket, logger), err
	}
	return newSender(o, logger, kept.own)
}

// newSender makes a socket and the account of what it owes: what is in the journal, if there is one.
func newSender(o *options, logger *slog.Logger, j *spool.Journal) (*zmq.Socket, *delivery.Sender, error) {
	cfg := o.Socket(o.socketType, logger)
	about := delivery.SenderConfig{Confirm: o.confirmLevel, Topics: o.topics, Logger: logger}
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

// answers passes on what a receiver answers.
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

// drain waits until everything that is owed is confirmed or refused, for as long as ctx lasts. It asks now and then,
// too: what only the kernel knows comes without a word.
func drain(ctx context.Context, owed account) {
	const interval = 10 * time.Millisecond
	ask := time.NewTicker(interval)
	defer ask.Stop()
	for {
		owed.Outcome() // asks the kernel
		if owed.Outstanding() == 0 {
			return
		}
		select {
		case <-owed.Changed():
		case <-ask.C:
		case <-ctx.Done():
			return
		}
	}
}
