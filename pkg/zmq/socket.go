package zmq

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/listen"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/log"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/prefix"
)

// ErrClosed is returned by what needs an open Socket.
var ErrClosed = errors.New("the socket is closed")

// Socket is a ZeroMQ socket. Its methods may be called from any goroutine.
type Socket struct {
	cfg       Config
	audience  audience      // a PUB's or XPUB's
	missed    atomic.Uint64 // messages that its subscribers were too slow to get
	allowing  sync.RWMutex  // read-locked while what publishers may publish is handed over; locked before all others
	leftOut   atomic.Uint64 // messages that publishers may not publish
	newcomers newcomers

	truncated atomic.Uint64 // received messages that were cut
	refused   atomic.Uint64 // connections of others, for reasons of security
	refusal   atomic.Pointer[Refusal]
	acceptKey atomic.Uint32 // index of the server's key that is tried with those that connect to us

	ctx    context.Context // ends dialling, listening and handshakes
	stop   context.CancelFunc
	deaf   chan struct{} // closed: what arrives is thrown away
	done   chan struct{} // closed: connections end at once
	work   sync.WaitGroup
	in     chan *Batch
	limits queueLimits

	strangers log.Limited // for what anyone that connects can cause
	dropped   log.Limited // for those that we have dropped; the others must not crowd that out
	slow      log.Limited // for what slow subscribers miss
	refusals  log.Limited // for what Config.Allow does not allow
	named     log.Limited // for the members of names, which a DNS server can change as it likes

	endpoints  endpoints
	waitMu     sync.Mutex
	progressed chan struct{} // closed at the next progress; nil while nothing waits for it

	mu        sync.Mutex
	peers     []*Peer
	next      int        // index of the peer whose turn it is
	wanted    prefix.Set // a SUB's subscriptions, which never change, or an XSUB's
	listeners []net.Listener
	members   map[string]*member // what names lead to, by endpoint
	closed    bool               // nothing more is sent, dialled or listened for
	closing   bool               // Close was called
}

// New makes a socket without endpoints.
func New(cfg Config) (*Socket, error) {
	if err := cfg.setDefaults(); err != nil {
		return nil, err
	}
	s := &Socket{cfg: cfg, in: make(chan *Batch), deaf: make(chan struct{}), done: make(chan struct{})}
	s.endpoints.changed = s.progress
	cfg.Budget.In.Reserve(blockCost(cfg.MaxMessage + overhead))
	s.limits.hwm, s.limits.out = cfg.HWM, &cfg.Budget.Out
	s.newcomers.settled, s.newcomers.run = cfg.OnSettled, s.work.Go
	s.strangers.Logger, s.dropped.Logger, s.slow.Logger, s.named.Logger = cfg.Logger, cfg.Logger, cfg.Logger, cfg.Logger
	s.refusals.Logger, s.named.Burst = cfg.Logger, 100
	s.ctx, s.stop = context.WithCancel(context.Background())
	if cfg.Type != Sub && cfg.Type != XSub {
		return s, nil
	}
	for _, prefix := range cfg.Subscribe {
		if _, err := s.wanted.Add([]byte(prefix)); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Peers returns the number of live connections.
func (s *Socket) Peers() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.peers)
}

// Progress returns a channel that is closed the next time that a peer arrives, goes, or has taken messages, or that the
// state of an endpoint changes. To wait for a condition, get the channel before checking the condition.
func (s *Socket) Progress() <-chan struct{} {
	s.waitMu.Lock()
	defer s.waitMu.Unlock()
	if s.progressed == nil {
		s.progressed = make(chan struct{})
	}
	return s.progressed
}

// await waits until condition holds or ctx ends. It checks the condition after each progress.
func (s *Socket) await(ctx context.Context, condition func() bool) {
	for {
		progress := s.Progress()
		if condition() {
			return
		}
		select {
		case <-progress:
		case <-ctx.Done():
			return
		}
	}
}

// progress closes the channel of Progress.
func (s *Socket) progress() {
	s.waitMu.Lock()
	defer s.waitMu.Unlock()
	if s.progressed != nil {
		close(s.progressed)
		s.progressed = nil
	}
}

// serve runs one connection from the handshake to its end. established reports whether the handshake was completed.
// guest is the gate's; nil if the connection was dialled. serverKey is mechanism's.
func (s *Socket) serve(conn net.Conn, endpoint string, guest *listen.Guest, dialled bool, serverKey int) (established bool, err error) {
	defer conn.Close()
	undo := context.AfterFunc(s.ctx, func() { conn.Close() })
	settled, err := handshake(conn, s.mechanism(dialled, serverKey), s.cfg.Type, s.cfg.HandshakeTimeout)
	if !undo() && err == nil {
		err = ErrClosed
	}
	if err != nil {
		return false, err
	}
	p := newPeer(s, conn, endpoint, settled)
	if p.guest = guest; settled.user != "" {
		guest.Know() // no stranger takes the place of a peer that has proved who it is
	}
	if dialled {
		p.dialled = endpoint
	}
	if !s.add(p) {
		return false, ErrClosed
	}
	p.recheck() // Recheck may have run since the handshake
	err = p.run(func() {
		s.strangers.Write(slog.LevelInfo, "peer connected", s.aboutPeer(p, endpoint)...)
		p.logUseless()
		if p.awaited() {
			s.newcomers.up(p)
		}
		if s.cfg.OnUp != nil {
			s.cfg.OnUp(p)
		}
		s.progress()
	})
	s.forget(p)
	if p.awaited() {
		s.newcomers.down(p)
	}
	if s.cfg.OnDown != nil {
		s.cfg.OnDown(p, err)
	}
	s.progress()
	return true, err
}

// aboutPeer notes that a peer's endpoint is up, and returns what is logged about that. After an outage that was logged
// it has how long that was, and how much waits.
func (s *Socket) aboutPeer(p *Peer, endpoint string) []any {
	attrs := []any{"endpoint", endpoint, "peer", p.remote, logUser(p.User())}
	if p.dialled == "" {
		return attrs
	}
	if before := s.endpoints.set(endpoint, false, true, nil); before.Reason != "" {
		attrs = append(attrs, "after", time.Since(before.Since).Round(time.Millisecond))
		if s.cfg.Waiting != nil {
			attrs = append(attrs, "unconfirmed", s.cfg.Waiting())
		}
	}
	return attrs
}

// add makes a peer one of the socket's. It returns false if the socket is closed.
func (s *Socket) add(p *Peer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	if s.cfg.Allow != nil {
		p.allowed = s.cfg.Allow(p)
	}
	s.peers = append(s.peers, p)
	s.limits.peers.Store(int32(len(s.peers)))
	s.askForEverything(p)
	return true
}

func (s *Socket) remove(p *Peer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, other := range s.peers {
		if other == p {
			s.peers = slices.Delete(s.peers, i, i+1)
			s.limits.peers.Store(int32(len(s.peers)))
			return
		}
	}
}

// QueueBytes returns how many bytes a peer's queue accepts at the moment: the more peers, the fewer bytes.
func (s *Socket) QueueBytes() int { return s.limits.bytes() }
