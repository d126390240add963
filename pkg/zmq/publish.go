package zmq

import "log/slog"

// Publish gives a message, one frame or more, to every peer that has subscribed to a prefix of its first frame.
// A peer whose queue is full misses the message, which is counted; the caller never waits. Publish wakes no
// writer that has room left in its queue: Flush does. The frames are copied.
func (s *Socket) Publish(frames ...[]byte) {
	if slow := s.publish(frames); slow != nil {
		s.logSlow(slow)
	}
}

func (s *Socket) logSlow(p *Peer) {
	s.slow.Write(slog.LevelWarn, "a subscriber is too slow and misses messages", "peer", p.remote, "hwm", s.cfg.HWM)
}

// publish returns a peer that has begun to miss messages, if there is one.
func (s *Socket) publish(frames [][]byte) (slow *Peer) {
	s.audience.mu.Lock()
	defer s.audience.mu.Unlock()
	for _, p := range s.audience.index.Of(frames[0]).Members {
		missed, first := p.outbox.offer(frames)
		if missed > 0 {
			s.missed.Add(missed)
		}
		if first {
			slow = p
		}
	}
	return slow
}

// Forward publishes the messages of a batch as Publish would, one after the other, but copies a run of messages
// that go to the same peers at once, and wakes the writers. An XSUB's batches are copied as the bytes that
// arrived. The batch stays the caller's.
func (s *Socket) Forward(b *Batch) {
	if slow := s.forward(b); slow != nil {
		s.logSlow(slow)
	}
}

// forward returns a peer that has begun to miss messages, if there is one.
func (s *Socket) forward(b *Batch) (slow *Peer) {
	s.audience.mu.Lock()
	defer s.audience.mu.Unlock()
	for i := 0; i < b.Len(); {
		group := s.audience.index.Of(b.Frames(i)[0])
		end := i + 1
		for end < b.Len() && b.follows(end) && s.audience.index.Of(b.Frames(end)[0]) == group {
			end++
		}
		for _, p := range group.Members {
			missed, first := p.outbox.offerRun(b, i, end)
			if missed > 0 {
				s.missed.Add(missed)
			}
			if first {
				slow = p
			}
		}
		i = end
	}
	return slow
}

// ReplayRoom returns how many bytes of messages Replay takes now. While it is positive, one message of any
// length fits.
func (p *Peer) ReplayRoom() int { return p.outbox.replayRoom() }

// Replay queues a message for one peer alone, in addition to what the peer's normal limits let in. It does not
// block, and wakes no writer that has room left in its queue. It returns false if ReplayRoom is used up or the
// connection is at its end.
func (p *Peer) Replay(frames ...[]byte) bool { return p.outbox.replay(frames) }
