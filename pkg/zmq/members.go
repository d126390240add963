package zmq

import (
	"context"
	"log/slog"
	"net"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/endpoint"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/discovery"
)

// member is an endpoint that names lead to, and the one connection to it.
type member struct {
	stop context.CancelFunc // ends the dialling
	gone chan struct{}      // closed: the last connection has ended

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
		Leads:    func(reason string) { s.leads(name, reason) },
		Join: func(e endpoint.Endpoint) {
			s.named.Write(slog.LevelInfo, "member joined", "endpoint", name.String(), "member", e.String())
			s.join(e)
		},
		Leave: func(e endpoint.Endpoint) {
			s.named.Write(slog.LevelInfo, "member left", "endpoint", name.String(), "member", e.String())
			s.leave(e)
		},
	})
}

// join counts one more name that leads to a member. The first one begins a connection, once what is left of an
// earlier one has ended.
func (s *Socket) join(e endpoint.Endpoint) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.members[e.String()]
	if before != nil && before.names > 0 {
		before.names++
		return
	}
	ctx, stop := context.WithCancel(s.ctx)
	m := &member{stop: stop, gone: make(chan struct{}), names: 1}
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
		s.forgetMember(e, m)
	})
}

// leave counts one name less that leads to a member. The last one ends the dialling and the connection.
func (s *Socket) leave(e endpoint.Endpoint) {
	s.mu.Lock()
	m := s.members[e.String()]
	last := m != nil && m.names == 1 // nil: the socket is being closed
	if m != nil {
		m.names--
	}
	s.mu.Unlock()
	if last {
		m.stop()
		s.end(m)
	}
}

// forgetMember removes a member that has left when its last connection has ended. Unless it is back, what the
// socket's owner holds for it may now go to others.
func (s *Socket) forgetMember(e endpoint.Endpoint, m *member) {
	s.mu.Lock()
	back := s.members[e.String()] != m
	if !back {
		delete(s.members, e.String())
	}
	s.mu.Unlock()
	if s.ctx.Err() != nil || back {
		return
	}
	s.named.Write(slog.LevelInfo, "the connection to a member that left has ended", "endpoint", e.String())
	if s.cfg.OnUnreachable != nil {
		s.cfg.OnUnreachable(e.String())
	}
}

// begin notes a member's connection before its handshake. It returns false if the member has left meanwhile.
func (s *Socket) begin(m *member, conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	m.conn = conn
	return m.names > 0
}
