package zmq

import "fmt"

// The first byte of a subscription that comes as a message (ZMTP 3.0, RFC 23).
const (
	cancelByte    = 0
	subscribeByte = 1
)

// Publish gives a message to every peer that has subscribed to a prefix of its first frame. A peer whose queue
// is full misses the message, which is counted; nobody waits. It wakes no writer: Flush does. The frames are copied.
func (s *Socket) Publish(frames ...[]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.peers {
		if p.wants(frames[0]) && !p.enqueue(frames) {
			p.miss()
		}
	}
}

// Dropped is the number of messages that this subscriber was too slow to get.
func (p *Peer) Dropped() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dropped
}

func (p *Peer) wants(topic []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.topics.match(topic)
}

func (p *Peer) miss() {
	p.mu.Lock()
	p.dropped++
	first := p.dropped == 1
	p.mu.Unlock()
	if first {
		p.socket.cfg.Logger.Warn("a subscriber is too slow and misses messages", "peer", p.remote, "hwm", p.socket.cfg.HWM)
	}
}

// upstream reads what subscribers send to a PUB: subscriptions in the form of version 3.0. Anything else is not for it.
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

func (p *Peer) subscribe(prefix []byte) error {
	if p.socket.cfg.Type != Pub {
		return fmt.Errorf("a subscription sent to a %s socket", p.socket.cfg.Type)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.topics.add(prefix)
}

func (p *Peer) cancel(prefix []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.topics.remove(prefix)
}
