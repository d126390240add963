package zmq

import (
	"context"
	"slices"
	"time"
)

// farewell is how long an ending connection waits for the peer's process to read what its kernel has.
const farewell = time.Second

// Close ends the socket: no more dialling, listening and sending; what is queued is written, and the peers are
// given time to read it, until ctx ends; then the connections are closed. It returns how many messages were queued
// for peers that did not take them. Answers are to be waited for before: a peer that has read to the end closes
// the connection. Recv goes on until all is written. When Close returns, no function of Config is called any more. A
// second Close waits for the first and returns 0.
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
	s.bidFarewell(ctx, peers)
	close(s.done)
	for _, p := range peers {
		p.conn.Close()
	}
	s.work.Wait()
	for _, p := range peers {
		queued, _, _ := p.state()
		unwritten += queued
	}
	return unwritten
}

// Retire takes leave: no more dialling, listening and sending. What is queued is written, then the peers are told that
// nothing more comes from here, upon which they end their connections, behind all that they have sent. That is received as
// ever. The channel is closed when the last connection has ended and all has been received.
func (s *Socket) Retire() <-chan struct{} {
	s.stop()
	s.mu.Lock()
	s.closed = true
	for _, l := range s.listeners {
		l.Close()
	}
	for _, p := range s.peers {
		p.seal()
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

// bidFarewell waits for the peers to end the connections, which they do when they have read to the end of what
// was written to them: closing a connection with unread bytes in it would make the kernel take back what the peer
// has not read yet. Peers whose kernels have everything are waited for no longer than farewell.
func (s *Socket) bidFarewell(ctx context.Context, peers []*Peer) {
	poll := time.NewTicker(farewell / 20)
	defer poll.Stop()
	for began := time.Now(); slices.ContainsFunc(peers, (*Peer).reading); {
		progress := s.Progress()
		if slices.ContainsFunc(peers, (*Peer).behind) {
			began = time.Now()
		} else if time.Since(began) > farewell {
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

// owed tells that something queued for the peer has not been written and still can be.
func (p *Peer) owed() bool {
	queued, _, closed := p.state()
	return queued > 0 && !closed
}

// reading tells that the peer may not have read all that was written to it.
func (p *Peer) reading() bool {
	_, written, closed := p.state()
	return written > 0 && !closed
}

// behind tells that the peer's kernel does not have all that was written to it.
func (p *Peer) behind() bool {
	return p.reading() && !acknowledged(p.conn)
}
