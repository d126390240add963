package zmq

import "context"

// PublishToAll is Publish that waits until every peer that wants the message has room for it: a slow one holds up all
// others and misses nothing. It returns how many peers wanted the message, or ctx's error if no peer was given it.
func (s *Socket) PublishToAll(ctx context.Context, frames ...[]byte) (peers int, err error) {
	peers, done := s.publishIfRoom(frames)
	if !done {
		s.await(ctx, func() bool {
			peers, done = s.publishIfRoom(frames)
			return done
		})
	}
	if !done {
		return 0, ctx.Err()
	}
	return peers, nil
}

// publishIfRoom publishes a message if all peers that want it have room for it.
func (s *Socket) publishIfRoom(frames [][]byte) (peers int, done bool) {
	s.audience.mu.Lock()
	defer s.audience.mu.Unlock()
	members := s.audience.index.Of(frames[0]).Members
	for _, p := range members {
		if !p.outbox.roomy(frames) {
			return 0, false
		}
	}
	for _, p := range members {
		if missed, _ := p.outbox.offer(frames); missed > 0 {
			s.missed.Add(missed)
		}
	}
	return len(members), true
}

// roomy reports whether it is of no use to wait for more room for a message: there is room, or there will never be.
func (o *outbox) roomy(frames [][]byte) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ended || o.closed || o.parting {
		return true
	}
	return !o.full && (o.makeRoom(o.messageSize(frames)) || o.queued == 0)
}
