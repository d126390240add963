package zmq

import (
	"context"
	"errors"
	"runtime"
	"time"
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
func (p *Peer) handOver(b *Batch) error {
	p.handed.Add(1)
	defer p.handed.Add(1)
	return p.receive(b)
}

// receive gives a batch to its receiver. It blocks while nothing receives, and thus holds back the peer. With
// Config.Answered it returns an error if the peer is gone meanwhile.
func (p *Peer) receive(b *Batch) error {
	s := p.socket
	switch s.cfg.Type {
	case Push:
		b.Release() // a PULL has nothing to send
		return nil
	case Pub, XPub:
		s.upstream(b)
		return nil
	}
	if s.cfg.OnReceive != nil {
		s.cfg.OnReceive(b)
		return nil
	}
	if !s.cfg.Answered {
		select {
		case s.in <- b:
			// Let others take their turn: the scheduler would let this peer and the receiver wake each other for a
			// whole time slice.
			runtime.Gosched()
		case <-s.deaf:
			b.Release()
		}
		return nil
	}
	return p.offer(b)
}

// goneInterval is how often it is looked whether a peer that is held back is gone.
const goneInterval = time.Second

var errAway = errors.New("the peer has gone; what it was not answered it will send again")

// offer gives a batch to the socket's receiver until the peer is gone. A peer that hears nothing from a stalled
// receiver dials again and again, and each of its connections would be held until the receiver goes on.
func (p *Peer) offer(b *Batch) error {
	if p.look == nil {
		p.look = time.NewTicker(goneInterval)
	} else {
		p.look.Reset(goneInterval)
	}
	defer p.look.Stop()
	for {
		select {
		case p.socket.in <- b:
			runtime.Gosched() // see receive
			return nil
		case <-p.socket.deaf:
			b.Release()
			return nil
		case <-p.quit:
		case <-p.look.C:
			if !p.gone() {
				continue
			}
		}
		b.Release()
		return errAway
	}
}

// gone reports whether the peer has ended the connection and will send again what it has sent.
func (p *Peer) gone() bool { return p.socket.cfg.Answered && ended(p.conn) }
