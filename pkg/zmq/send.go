package zmq

import "context"

// Queue gives a message, one frame or more, to one of the peers that can take one now, in turn, as PUSH and
// DEALER do. It does not block, and wakes no writer that has room left in its queue: Flush does, once for many
// messages. It returns the peer, or nil if none can take a message. The frames are copied.
//
// A caller that records which peer was given what calls Queue under the lock that its OnDown takes: then Queue
// returns no peer whose OnDown has run. It can return one whose OnUp has yet to run.
func (s *Socket) Queue(frames ...[]byte) *Peer {
	p, _ := s.give(frames, false)
	return p
}

// give is Queue, and returns ErrClosed once no message is taken any more.
func (s *Socket) give(frames [][]byte, wake bool) (*Peer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	for range s.peers {
		if s.next >= len(s.peers) {
			s.next = 0
		}
		p := s.peers[s.next]
		s.next++
		if p.outbox.add(frames, wake) {
			return p, nil
		}
	}
	return nil, nil
}

// Flush wakes the writers of all peers that have something to write.
func (s *Socket) Flush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.peers {
		p.outbox.flush()
	}
}

// Send gives a message, one frame or more, to one of the peers, in turn, and waits while none can take it. It
// returns ctx's error or ErrClosed if no peer was given the message. The frames are copied.
func (s *Socket) Send(ctx context.Context, frames ...[]byte) error {
	p, err := s.give(frames, true)
	if p != nil || err != nil {
		return err
	}
	s.await(ctx, func() bool {
		p, err = s.give(frames, true)
		return p != nil || err != nil
	})
	if p == nil && err == nil {
		err = ctx.Err()
	}
	return err
}
