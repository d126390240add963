package zmq

import "context"

// Queue gives a message to one of the peers that can take one now, in turn: the way of PUSH and DEALER. It does
// not block and wakes nobody: Flush does, once for many messages. It returns the peer, or nil when none
// can take a message. The frames are copied.
func (s *Socket) Queue(frames ...[]byte) *Peer {
	s.mu.Lock()
	defer s.mu.Unlock()
	for range s.peers {
		if s.next >= len(s.peers) {
			s.next = 0
		}
		p := s.peers[s.next]
		s.next++
		if p.enqueue(frames) {
			return p
		}
	}
	return nil
}

// Flush wakes the writers of all peers that have something to write.
func (s *Socket) Flush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.peers {
		p.flush()
	}
}

// Send gives a message to one of the peers, in turn, and waits while none can take it. It returns ctx's error, or
// ErrClosed; then the message was given to nobody. The frames are copied.
func (s *Socket) Send(ctx context.Context, frames ...[]byte) error {
	for {
		if p := s.Queue(frames...); p != nil {
			p.flush()
			return nil
		}
		progress := s.Progress()
		if p := s.Queue(frames...); p != nil { // there may have been progress just before
			p.flush()
			return nil
		}
		select {
		case <-progress:
		case <-ctx.Done():
			return ctx.Err()
		case <-s.done:
			return errClosed
		}
	}
}
