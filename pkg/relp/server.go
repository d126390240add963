package relp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/listen"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/log"
)

// Account owes the messages that a Server has taken until they are settled. Its methods do not block.
type Account interface {
	// Ready returns nil when messages can be taken, else what is waited for.
	Ready() error
	// Changed receives after something happened that may have changed Ready or what is settled; nil: nothing ever does.
	Changed() <-chan struct{}
	// Poll learns what is not notified by itself.
	Poll()
	// Reclaim is called when what was settled is answered.
	Reclaim()
	// TimedOut is called when a session was ended because its messages made no progress. They come again.
	TimedOut()
	// Refused returns how many refused messages wait for Retry, which sends them again.
	Refused() int
	Retry()
}

// Stream is the account of one session.
type Stream interface {
	// Accept owes messages from now on. It copies them.
	Accept(messages [][]byte)
	// Settled returns how many messages, the next ones in order, are to be answered with 200, and whether the one after
	// them is to be answered with 500, and why. No later one is answered then: a client of librelp throws away the
	// message that was refused, ends the session, and sends in the next one what was not answered.
	Settled() (confirmed int, refused bool, reason string)
	// End ends the account. again: the client sends again what was not answered.
	End(again bool)
}

// ServerConfig configures a Server.
type ServerConfig struct {
	MaxMessage  int            // bytes; longer messages are cut, at a UTF-8 boundary
	Truncated   func(size int) // called for a message that is cut, with its bytes
	SendTimeout time.Duration  // a session whose messages make no progress for that long is ended
	Poll        time.Duration  // how often the account is polled while it owes something; 0: not at all
	Gate        *listen.Gate   // bounds the sessions
	Account     Account
	Open        func() Stream // begins the account of a session
	Logger      *slog.Logger
}

// Server takes messages from clients, which are rsyslog's omrelp, and answers each only when it is settled, in order.
// Any number of sessions are open at once.
//
// It speaks version 0 of the protocol, as librelp 1.11 does. There is no authentication and no encryption.
type Server struct {
	cfg       ServerConfig
	strangers log.Limited // for what anyone that connects can cause

	mu       sync.Mutex
	sessions map[*serving]struct{}
	room     chan struct{} // closed when the account may be ready; nil while nothing waits for that
	work     sync.WaitGroup

	owing chan struct{} // see owes

	// The answering goroutine's.
	answering []*serving // scratch
	retry     time.Time  // when what is refused is sent again
}

const (
	checkInterval = time.Second     // between looks for sessions without progress
	retryInterval = 5 * time.Second // between attempts to send what was refused
)

// NewServer makes a server.
func NewServer(cfg ServerConfig) *Server {
	s := &Server{cfg: cfg, sessions: make(map[*serving]struct{}), owing: make(chan struct{}, 1)}
	s.strangers.Logger = cfg.Logger
	return s
}

// Run serves until ctx ends. Then it takes nothing more, and goes on answering until everything is answered or draining
// ends. It closes the listener. An error of the listener ends it, too.
func (s *Server) Run(ctx, draining context.Context, listener net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	smallSegments(listener)
	listener = s.cfg.Gate.Listener(listener)
	defer context.AfterFunc(ctx, func() { listener.Close() })()
	failed := make(chan error, 1)
	go func() {
		err := s.accept(ctx, listener)
		cancel()
		failed <- err
	}()
	s.answer(ctx, draining)
	cancel()
	err := <-failed
	// The sessions end by themselves, except for those of clients that read nothing.
	ending, cancel := context.WithTimeout(draining, lingering)
	defer cancel()
	defer context.AfterFunc(ending, func() { s.each(func(c *serving) { c.end(errServerEnds) }) })()
	s.work.Wait()
	return err
}

var errServerEnds = errors.New("omzmq ends")

// accept accepts sessions until ctx ends.
func (s *Server) accept(ctx context.Context, listener net.Listener) error {
	const pause = 100 * time.Millisecond // descriptors may be used up
	for {
		conn, err := listener.Accept()
		if err == nil {
			s.begin(ctx, conn)
			continue
		}
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, net.ErrClosed) {
			return fmt.Errorf("accept RELP sessions: %w", err)
		}
		s.strangers.Write(slog.LevelWarn, "cannot accept a RELP session; will go on trying", "reason", err)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

func (s *Server) begin(ctx context.Context, conn net.Conn) {
	c := newServing(s, conn)
	s.mu.Lock()
	s.sessions[c] = struct{}{}
	s.mu.Unlock()
	s.work.Go(func() {
		err := c.run(ctx)
		s.mu.Lock()
		delete(s.sessions, c)
		s.mu.Unlock()
		if err != nil {
			s.strangers.Write(slog.LevelWarn, "relp: session ended", "peer", c.remote, "reason", err)
		}
		s.moved() // what it owes is no longer to be answered
	})
}

// each calls do for each session. It is for the answering goroutine.
func (s *Server) each(do func(*serving)) {
	s.mu.Lock()
	s.answering = s.answering[:0]
	for c := range s.sessions {
		s.answering = append(s.answering, c)
	}
	s.mu.Unlock()
	for _, c := range s.answering {
		do(c)
	}
	clear(s.answering)
}

// answer answers what is settled, until ctx has ended, and after that everything is answered or draining ends.
func (s *Server) answer(ctx, draining context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	stopping := ctx.Done()
	for {
		select {
		case <-s.cfg.Account.Changed():
		case <-s.owing:
		case <-timer.C:
		case <-stopping:
			stopping = nil
		case <-draining.Done():
			return
		}
		wait, owing, reading := s.step(time.Now())
		if stopping == nil && !owing && !reading {
			return
		}
		if wait > 0 {
			timer.Reset(wait)
		}
	}
}

// step answers what is settled, and returns how long to wait at most before the next step; 0: for nothing. owing: a
// session owes answers. reading: one may yet take messages.
func (s *Server) step(now time.Time) (wait time.Duration, owing, reading bool) {
	s.cfg.Account.Poll()
	s.each(func(c *serving) {
		c.answer(now)
		owes, reads := c.owes(now)
		owing, reading = owing || owes, reading || reads
	})
	s.cfg.Account.Reclaim()
	s.moved()
	if s.cfg.Account.Refused() == 0 {
		s.retry = now.Add(retryInterval)
	} else if wait = s.retry.Sub(now); wait <= 0 {
		s.retry, wait = now.Add(retryInterval), retryInterval
		s.cfg.Account.Retry()
	}
	switch {
	case owing && s.cfg.Poll > 0:
		wait = s.cfg.Poll
	case owing && (wait == 0 || wait > checkInterval):
		wait = checkInterval
	}
	return wait, owing, reading
}

// moved wakes the sessions that wait for room.
func (s *Server) moved() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.room != nil {
		close(s.room)
		s.room = nil
	}
}

// owes wakes the answering goroutine: a session owes answers that owed none, or has stopped reading.
func (s *Server) owes() {
	select {
	case s.owing <- struct{}{}:
	default: // an earlier one has not been received yet and serves as well
	}
}

// ready waits until the account takes messages, ctx ends, or no progress is made for the time that is allowed.
func (s *Server) ready(ctx context.Context) error {
	if s.cfg.Account.Ready() == nil {
		return nil
	}
	limit := time.NewTimer(s.cfg.SendTimeout)
	defer limit.Stop()
	for {
		s.mu.Lock()
		if s.room == nil {
			s.room = make(chan struct{})
		}
		room := s.room
		s.mu.Unlock()
		why := s.cfg.Account.Ready()
		if why == nil {
			return nil
		}
		select {
		case <-room:
		case <-limit.C:
			return fmt.Errorf("%w: %v for %v", errNotTaken, why, s.cfg.SendTimeout)
		case <-ctx.Done():
			return errServerEnds
		}
	}
}

var errNotTaken = errors.New("messages cannot be taken")
