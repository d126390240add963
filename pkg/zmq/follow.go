package zmq

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"time"

	"github.com/go-zeromq/zmq4"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/endpoint"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/discovery"
)

// quiet is how long nothing must have gone to and fro on the connection of a member that has left before it is ended.
const quiet = time.Second

var errLeft = errors.New("it is no member any more of the name that led to it")

// member is an endpoint that names lead to, and the one connection to it.
type member struct {
	leave context.CancelFunc // ends the dialling
	gone  chan struct{}      // closed: the last connection has ended

	// Guarded by Socket.mu.
	names int      // that lead to it; 0: it has left
	conn  net.Conn // the latest connection, from before its handshake on
}

// follow connects to the members of a name until the socket is retired.
func (s *Socket) follow(name endpoint.Endpoint) {
	discovery.Follow(s.ctx, discovery.Config{
		Endpoint: name,
		Server:   s.cfg.DNSServer,
		Interval: s.cfg.LookupInterval,
		Logger:   s.cfg.Logger,
		Join: func(e endpoint.Endpoint) {
			s.cfg.Logger.Info("member joined", "endpoint", name.String(), "member", e.String())
			s.join(e)
		},
		Leave: func(e endpoint.Endpoint) {
			s.cfg.Logger.Info("member left", "endpoint", name.String(), "member", e.String())
			s.leave(e)
		},
	})
}

// join counts one more name that leads to a member. The first begins a connection; what is left of an earlier one is
// waited for.
func (s *Socket) join(e endpoint.Endpoint) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.members[e.String()]
	if before != nil && before.names > 0 {
		before.names++
		return
	}
	ctx, leave := context.WithCancel(s.ctx)
	m := &member{leave: leave, gone: make(chan struct{}), names: 1}
	if s.members == nil {
		s.members = make(map[string]*member)
	}
	s.members[e.String()] = m
	s.work.Go(func() {
		if before != nil {
			<-before.gone
		}
		s.keepConnected(ctx, e, m)
		close(m.gone)
		s.ended(e, m)
	})
}

// ended tells that the last connection of a member that has left has ended: what its owner holds for it is for others now,
// unless it is back.
func (s *Socket) ended(e endpoint.Endpoint, m *member) {
	s.mu.Lock()
	back := s.members[e.String()] != m
	if !back {
		delete(s.members, e.String())
	}
	s.mu.Unlock()
	if s.ctx.Err() != nil || back {
		return
	}
	s.cfg.Logger.Info("the connection to a member that left has ended", "endpoint", e.String())
	if s.cfg.OnUnreachable != nil {
		s.cfg.OnUnreachable(e.String())
	}
}

// leave counts one name less that leads to a member. With the last one the dialling ends, and then the connection: a
// subscription at once, the others in a way that loses nothing.
func (s *Socket) leave(e endpoint.Endpoint) {
	s.mu.Lock()
	m := s.members[e.String()]
	last := m != nil && m.names == 1 // nil: the socket is being closed
	if m != nil {
		m.names--
	}
	s.mu.Unlock()
	if !last {
		return
	}
	m.leave()
	switch s.cfg.Type {
	case Sub, zmq4.XSub:
		s.cut(m)
	default:
		s.work.Go(func() { s.part(m) })
	}
}

// begin notes a member's connection, whose handshake is to follow; false: it has left meanwhile.
func (s *Socket) begin(m *member, conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	m.conn = conn
	return m.names > 0
}

// peerOf returns a member's peer, if there is one at the moment, and its connection, if there was ever one.
func (s *Socket) peerOf(m *member) (*Peer, net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.peers {
		if p.conn == m.conn {
			return p, m.conn
		}
	}
	return nil, m.conn
}

// cut ends a member's connection at once.
func (s *Socket) cut(m *member) {
	switch p, conn := s.peerOf(m); {
	case p != nil:
		p.Drop(errLeft)
	case conn != nil:
		conn.Close()
	}
}

// part ends a member's connection once everything that is queued for it is written and all is quiet, so that answers under way
// are heard. Whoever answers to nothing is told the end at once: a PULL reads what was sent before the peer heard of it. A handshake
// under way is waited for.
func (s *Socket) part(m *member) {
	poll := time.NewTicker(quiet / 20)
	defer poll.Stop()
	oneWay := s.cfg.Type == Pull || s.cfg.Type == Pub || s.cfg.Type == zmq4.XPub
	var seen activity
	for since := time.Now(); ; {
		if p, _ := s.peerOf(m); p != nil {
			now := p.part()
			if now.busy || now != seen {
				seen, since = now, time.Now()
			}
			if oneWay || time.Since(since) >= quiet {
				p.seal()
				return
			}
		}
		select {
		case <-poll.C:
		case <-m.gone:
			return
		case <-s.ctx.Done(): // Retire seals all peers
			return
		}
	}
}

// parting is what a Peer knows of its member's leave.
type parting struct {
	begun  bool          // nothing more is given to the peer; Peer.mu guards it
	handed atomic.Uint64 // twice the batches that were received; odd while one is being received
}

// activity is what has gone to and fro.
type activity struct {
	handed, written uint64
	busy            bool // something is on its way
}

// part lets no new message in, except a ROUTER's answers, and tells what has gone to and fro.
func (p *Peer) part() activity {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.parting.begun = p.socket.cfg.Type != Router
	if p.outCount > 0 {
		p.wakeWriter() // whoever gave it may have meant to give more before Flush
	}
	handed := p.parting.handed.Load()
	return activity{handed: handed, written: p.written, busy: p.queued > 0 || handed%2 == 1}
}

// handOver is Socket.receive, of which a parting peer's activity takes note.
func (p *Peer) handOver(b *Batch) {
	p.parting.handed.Add(1)
	p.socket.receive(b)
	p.parting.handed.Add(1)
}
