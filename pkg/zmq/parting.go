package zmq

import (
	"errors"
	"net"
	"time"
)

var errLeft = errors.New("it has left the name that led to it")

// end ends the connection of a member that has left: a subscription's at once, any other in a way that loses
// nothing.
func (s *Socket) end(m *member) {
	switch s.cfg.Type {
	case Sub, XSub:
		s.cut(m)
	default:
		s.work.Go(func() { s.part(m) })
	}
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

// part ends a member's outbox, which ends the connection once everything in it is written. A socket that may
// receive answers first waits until nothing has been sent or received for Config.silence. One that does not
// answer its peers' messages does at once; a PULL still reads what was sent before the peer learned of the
// end. A handshake under way is waited for.
func (s *Socket) part(m *member) {
	poll := time.NewTicker(s.cfg.silence / 20)
	defer poll.Stop()
	oneWay := s.cfg.Type == Pull || s.cfg.Type == Pub || s.cfg.Type == XPub
	var seen activity
	for since := time.Now(); ; {
		if p, _ := s.peerOf(m); p != nil {
			now := p.part()
			if now.busy || now != seen {
				seen, since = now, time.Now()
			}
			if oneWay || time.Since(since) >= s.cfg.silence {
				p.outbox.end()
				return
			}
		}
		select {
		case <-poll.C:
		case <-m.gone:
			return
		case <-s.ctx.Done(): // Retire ends all outboxes
			return
		}
	}
}

// peerOf returns a member's peer, or nil if there is none at the moment, and its latest connection, or nil if
// there was never one.
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

// activity is what has been sent and received.
type activity struct {
	handed, written uint64
	busy            bool // something is on its way
}

// part keeps new messages out, except a ROUTER's answers, and returns what has been sent and received.
func (p *Peer) part() activity {
	queued, written := p.outbox.part(p.socket.cfg.Type != Router)
	handed := p.handed.Load()
	return activity{handed: handed, written: written, busy: queued > 0 || handed%2 == 1}
}
