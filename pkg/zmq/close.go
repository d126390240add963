package zmq

import (
	"context"
	"slices"
	"time"
)

// Close ends the socket. It ends dialling, listening and sending, writes what is queued, gives the peers time
// to read it, until ctx ends, and then closes the connections. It returns how many queued messages were not
// written.
//
// Recv works until everything is written. Wait for answers before Close: a peer that has read to the end closes
// its connection. After Close has returned, no function of Config is called any more. A second Close waits for
// the first and returns 0.
func (s *Socket) Close(ctx context.Context) (unwritten int) {
	s.Retire()
	s.mu.Lock()
	again := s.closing
	s.closing = true
	peers := slices.Clone(s.peers)
	s.mu.Unlock()
	if again {
		s.work.Wait()
		return 0
	}
	s.await(ctx, func() bool { return !slices.ContainsFunc(peers, (*Peer).owed) })
	close(s.deaf)
	s.awaitReading(ctx, peers)
	close(s.done)
	for _, p := range peers {
		p.close()
	}
	s.work.Wait()
	for _, p := range peers {
		queued, _, _ := p.outbox.state()
		unwritten += queued
	}
	return unwritten
}

// Retire ends dialling, listening and sending. What is queued is written, and then our side of each connection
// is closed. The peers end theirs after all that they have sent, which is received as usual. The channel is
// closed when the last connection has ended and everything has been received.
func (s *Socket) Retire() <-chan struct{} {
	s.newcomers.close()
	s.stop()
	s.mu.Lock()
	s.closed = true
	for _, l := range s.listeners {
		l.Close()
	}
	for _, p := range s.peers {
		p.outbox.end()
	}
	s.mu.Unlock()
	s.progress() // a Send that waits returns
	gone := make(chan struct{})
	go func() {
		s.work.Wait()
		close(gone)
	}()
	return gone
}

// awaitReading waits for the peers to end their connections, which they do when they have read to the end of
// what was written to them. If we closed a connection that has unread bytes in it, the kernel would discard
// what the peer has not read yet. Once the peers' kernels have everything, they get Config.farewell.
func (s *Socket) awaitReading(ctx context.Context, peers []*Peer) {
	poll := time.NewTicker(s.cfg.farewell / 20)
	defer poll.Stop()
	for began := time.Now(); slices.ContainsFunc(peers, (*Peer).reading); {
		progress := s.Progress()
		if slices.ContainsFunc(peers, (*Peer).behind) {
			began = time.Now()
		} else if time.Since(began) > s.cfg.farewell {
			return
		}
		select {
		case <-progress:
		case <-poll.C:
		case <-ctx.Done():
			return
		}
	}
}

// owed reports whether messages queued for the peer have not been written and still can be.
func (p *Peer) owed() bool {
	queued, _, closed := p.outbox.state()
	return queued > 0 && !closed
}

// reading reports whether the peer may not have read all that was written to it.
func (p *Peer) reading() bool {
	_, written, closed := p.outbox.state()
	return written > 0 && !closed
}

// behind reports whether the peer's kernel does not have all that was written to the peer.
func (p *Peer) behind() bool {
	return p.reading() && !acknowledged(p.conn)
}
