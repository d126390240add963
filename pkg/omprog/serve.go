package omprog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/omprog/lines"
)

// Account is a Ledger that notifies its progress.
type Account interface {
	Ledger
	// Changed receives after something happened that may have changed Ready or Outcome; nil: nothing ever does.
	Changed() <-chan struct{}
}

// spin is how long rsyslog's next line is polled for before the program sleeps: rsyslog writes it as soon as it has
// read the reply, and the two sleeps and wake-ups per message are what limits a conversation most.
const spin = 20 * time.Microsecond

// While a reply waits, the ledger is polled when it notifies a change, and also at growing intervals: what only the
// kernel knows (see delivery.Received) is not notified.
const (
	lookFirst = time.Millisecond
	lookMax   = 100 * time.Millisecond
)

// Server is the conversation on a pair of descriptors.
type Server struct {
	In      *lines.Reader
	Out     io.Writer // one Write per reply; nil: rsyslog reads no replies (confirmMessages="off")
	Machine *Machine
	Account Account
	Logger  *slog.Logger
	Ended   func() // called when rsyslog closes the pipes while a reply waits; it ends ctx, which starts the draining

	Over       bool // set by Run: rsyslog has closed the pipes and got an answer to everything, or it reads none
	unanswered bool // the last line was not answered
	warned     bool // see ahead
	scratch    []byte
}

// Run converses until rsyslog closes the pipes (nil), or until ctx ends and what rsyslog had written before was
// taken (nil). A reply that waits then waits no longer than draining lasts. An unterminated last line is not a
// message. Run does not wait for what is owed at the end.
func (s *Server) Run(ctx, draining context.Context) error {
	defer context.AfterFunc(ctx, s.In.Interrupt)()
	defer s.Machine.Submit()
	var err error
	if s.Out == nil {
		s.Account.Pipes(journal.PipesUnread)
		err = s.listen(ctx, draining)
	} else {
		s.Account.Pipes(journal.PipesOpen)
		err = s.converse(ctx, draining)
	}
	closed := errors.Is(err, io.EOF) || errors.Is(err, unix.EPIPE)
	if closed && s.Out != nil {
		s.Account.Pipes(journal.PipesClosed)
	}
	s.Over = s.Out == nil || closed && !s.unanswered
	if closed || s.In.HungUp() || errors.Is(err, lines.ErrNothing) {
		return nil
	}
	return err
}

func (s *Server) converse(ctx, draining context.Context) error {
	if err := s.write(s.Machine.Hello()); err != nil {
		return err
	}
	for {
		line, err := s.next(ctx, s.Machine.Submit)
		if err != nil {
			return err
		}
		s.unanswered = true
		if s.In.More() {
			s.ahead()
		}
		reply := s.Machine.Line(line)
		if s.Machine.Waiting() {
			if reply, err = s.wait(ctx, draining); err != nil {
				return err
			}
		}
		if err := s.reply(reply); err != nil {
			return err
		}
		if s.Machine.Due() {
			s.Machine.Submit()
		}
	}
}

// ahead is called when rsyslog has written more than the line that it awaits a reply to. It does so only where a
// message has a line feed in it: that message gets two replies, the second is taken for the next message's, and
// after that a message that was never accepted may be taken for confirmed.
func (s *Server) ahead() {
	if !s.warned {
		s.warned = true
		s.Logger.Error("a message has a line feed in it: rsyslog then takes a reply for that of another message, and loses messages without a word; " +
			"let the properties in the action's template escape it, as in %msg:::escape-cc% (logged once)")
	}
}

// next returns the next line. It calls idle before it waits for one. Once ctx has ended, it returns what is there,
// and after that lines.ErrNothing.
func (s *Server) next(ctx context.Context, idle func()) ([]byte, error) {
	line, _, err := s.In.TryNext(spin)
	for errors.Is(err, lines.ErrNothing) || errors.Is(err, lines.ErrInterrupted) {
		idle()
		if ctx.Err() == nil {
			line, _, err = s.In.Next(0, time.Time{})
		} else if line, _, err = s.In.TryNext(0); errors.Is(err, lines.ErrNothing) {
			return nil, err
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("cannot read from rsyslog: %w", err)
	}
	return line, err
}

// reply writes a whole reply.
func (s *Server) reply(text string) error {
	s.Machine.Replying()
	err := s.write(text)
	s.Machine.Replied(err == nil)
	s.unanswered = err != nil
	return err
}

func (s *Server) write(text string) error {
	s.scratch = append(s.scratch[:0], text...)
	if _, err := s.Out.Write(s.scratch); err != nil {
		return fmt.Errorf("cannot answer rsyslog: %w", err)
	}
	return nil
}

// wait writes dots until the reply is known, and returns it. A transaction that could not begin yet is given up
// when ctx ends; what was accepted is waited for as long as draining lasts.
func (s *Server) wait(ctx, draining context.Context) (string, error) {
	if s.Machine.Beginning() {
		draining = ctx
	}
	look := lookFirst
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		if s.In.HungUp() {
			s.Ended()
		}
		say, again := s.Machine.Poll(time.Now())
		if !s.Machine.Waiting() {
			return say, nil
		}
		if say != "" {
			if err := s.write(say); err != nil {
				return "", err
			}
		}
		timer.Reset(min(time.Until(again), look))
		look = min(2*look, lookMax)
		select {
		case <-s.Account.Changed():
		case <-timer.C:
		case <-draining.Done():
			return s.Machine.Abandon("told to stop"), nil
		}
	}
}
