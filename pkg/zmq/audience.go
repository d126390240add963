package zmq

import (
	"fmt"
	"runtime"
	"sync"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/prefix"
)

// The first byte of a subscription that is sent as a message (ZMTP 3.0, RFC 23).
const (
	cancelByte    = 0
	subscribeByte = 1
)

// changesInTurn is how many subscriptions and cancellations of one peer are obeyed before others get their turn. A peer
// that sends nothing else would otherwise hold a processor for whole time slices, and several such peers all of them.
const changesInTurn = 64

// audience holds which peers have subscribed to what a PUB or XPUB publishes. Its mutex is locked before an
// outbox's.
type audience struct {
	mu    sync.Mutex
	index prefix.Index[*Peer]
}

// upstream reads what subscribers send to a PUB: subscriptions in the form of version 3.0. It ignores anything
// else.
func (s *Socket) upstream(b *Batch) {
	defer b.Release()
	for i := range b.Len() {
		frames := b.Frames(i)
		if len(frames) != 1 || len(frames[0]) == 0 {
			continue
		}
		switch body := frames[0]; body[0] {
		case subscribeByte:
			if err := b.peer.subscribe(body[1:]); err != nil {
				b.peer.Drop(err)
				return
			}
		case cancelByte:
			b.peer.cancel(body[1:])
		}
	}
}

// subscribe adds a subscription of the peer. Only the connection's goroutine calls subscribe, cancel and, at
// the end, forget.
func (p *Peer) subscribe(prefix []byte) error {
	s := p.socket
	if !s.publishes() {
		return fmt.Errorf("a subscription sent to a %s socket", s.cfg.Type)
	}
	if p.takeTurns(prefix) == 0 {
		p.refuse(prefix)
		return nil
	}
	s.audience.mu.Lock()
	first, err := p.topics.Add(prefix)
	s.audience.mu.Unlock()
	if err != nil {
		return fmt.Errorf("a subscriber asks for %w", err)
	}
	p.guest.Know()
	if first {
		if err := p.pay(prefix); err != nil {
			return err
		}
		s.changeAudience(p, prefix, true)
	}
	if p.dialled != "" {
		s.newcomers.asked(p)
	}
	return nil
}

// cancel takes the peer's subscription to a prefix back, however many times the peer has sent it: libzmq's XSUB passes
// on every subscription, and only the last cancellation.
func (p *Peer) cancel(prefix []byte) {
	p.takeTurns(prefix)
	p.socket.audience.mu.Lock()
	had := p.topics.RemoveAll(prefix)
	p.socket.audience.mu.Unlock()
	if had {
		p.repay(prefix)
		p.socket.changeAudience(p, prefix, false)
	}
}

// takeTurns lets others run after changesInTurn changes. It returns the number of parts of a prefix, each of which is a
// change.
func (p *Peer) takeTurns(prefix []byte) (parts int) {
	parts = p.countParts(prefix)
	if p.changes += max(parts, 1); p.changes >= changesInTurn {
		p.changes = 0
		runtime.Gosched()
	}
	return parts
}

// forget takes back all subscriptions of a peer whose connection has ended.
func (s *Socket) forget(p *Peer) {
	p.logRefusals()
	p.topics.Walk(func(prefix []byte) { s.changeAudience(p, prefix, false) })
	s.audience.mu.Lock()
	defer s.audience.mu.Unlock()
	p.topics = prefix.Set{}
	s.audience.index.Forget(p)
	p.repayAll()
}

// changeAudience makes a change take effect, through OnSubscription if there is one.
func (s *Socket) changeAudience(p *Peer, prefix []byte, wanted bool) {
	apply := func() {
		s.audience.mu.Lock()
		defer s.audience.mu.Unlock()
		p.parts(prefix, func(part []byte) {
			if wanted {
				s.audience.index.Add(p, part)
			} else {
				s.audience.index.Remove(p, part)
			}
		})
	}
	if s.cfg.OnSubscription == nil {
		apply()
		return
	}
	s.cfg.OnSubscription(p, prefix, wanted, apply)
}

// WantsAnyway reports whether the peer wants a topic that begins with prefix because of another prefix, too.
func (p *Peer) WantsAnyway(topic, prefix []byte) bool {
	p.socket.audience.mu.Lock()
	defer p.socket.audience.mu.Unlock()
	return p.topics.MatchOther(topic, len(prefix))
}
