package zmq

import (
	"context"
	"runtime"
)

// Recv returns the next batch; peers take turns. It blocks until there is one, ctx ends or the socket is closed
// (ErrClosed). The caller releases the batch. Recv is not used when Config.OnReceive is set.
func (s *Socket) Recv(ctx context.Context) (*Batch, error) {
	select {
	case b := <-s.in:
		return b, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-s.done:
		return nil, ErrClosed
	}
}

// TryRecv is Recv without waiting: it returns nil if no batch is ready.
func (s *Socket) TryRecv() *Batch {
	select {
	case b := <-s.in:
		return b
	default:
		return nil
	}
}

// Incoming returns Recv's channel, for a select.
func (s *Socket) Incoming() <-chan *Batch { return s.in }

// handOver passes a received batch to the socket. A parting member's silence is judged by handed.
func (p *Peer) handOver(b *Batch) {
	p.handed.Add(1)
	p.socket.receive(b)
	p.handed.Add(1)
}

// receive gives a batch to its receiver. It blocks while nothing receives, and thus holds back the peer.
func (s *Socket) receive(b *Batch) {
	switch s.cfg.Type {
	case Push:
		b.Release() // a PULL has nothing to send
		return
	case Pub, XPub:
		s.upstream(b)
		return
	}
	if s.cfg.OnReceive != nil {
		s.cfg.OnReceive(b)
		return
	}
	select {
	case s.in <- b:
		// Let others take their turn: the scheduler would let this peer and the receiver wake each other for a
		// whole time slice.
		runtime.Gosched()
	case <-s.deaf:
		b.Release()
	}
}
