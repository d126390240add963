package zmq

import (
	"fmt"
	"log/slog"
)

// Publish gives a message, one frame or more, to every peer that has subscribed to a prefix of its first frame. A
// peer whose queue is full misses the message, which is counted; nobody waits. It wakes no writer that has room
// left in its queue: Flush does. The frames are copied.
func (s *Socket) Publish(frames ...[]byte) {
	if slow := s.publish(frames); slow != nil {
		s.slow.log(slog.LevelWarn, "a subscriber is too slow and misses messages", "peer", slow.remote, "hwm", s.cfg.HWM)
	}
}

// publish returns a peer that has begun to miss messages, if there is one.
func (s *Socket) publish(frames [][]byte) (slow *Peer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.peers {
		if p.offer(frames) == 1 {
			slow = p
		}
	}
	return slow
}

// offer queues a message that the peer has subscribed to. When the queue is full it returns how many messages the
// peer has missed with this one, otherwise 0.
func (p *Peer) offer(frames [][]byte) (missed uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.sealed || !p.topics.match(frames[0]) || p.push(frames) {
		return 0
	}
	p.dropped++
	return p.dropped
}

// Dropped is the number of messages that this subscriber was too slow to get.
func (p *Peer) Dropped() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dropped
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
