package zmq

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmtp"
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
	if p.socket.cfg.Allow != nil && p.asks {
		return p.receiveAllowed(b)
	}
	return p.receive(b)
}

// receive gives a batch to its receiver. It blocks while nothing receives, and thus holds back the peer. It returns
// offer's error.
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
	return p.offer(b)
}

// lookInterval is how often a peer that is held back is looked after.
const lookInterval = time.Second

var errAway = errors.New("the peer has gone; it will send again what was not answered")

// offer gives a batch to the socket's receiver. With Config.Answered it returns an error if the peer is gone before.
func (p *Peer) offer(b *Batch) error {
	if p.look == nil {
		p.look = time.NewTicker(lookInterval)
	} else {
		p.look.Reset(lookInterval)
	}
	defer p.look.Stop()
	for {
		select {
		case p.socket.in <- b:
			// Let others take their turn: the scheduler would let this peer and the receiver wake each other for a
			// whole time slice.
			runtime.Gosched()
			return nil
		case <-p.socket.deaf:
			b.Release()
			return nil
		case <-p.look.C:
			if !p.heldBack() {
				continue
			}
			b.Release()
			return errAway
		}
	}
}

// heldBack looks after a peer that is held back, and reports whether it is gone and will send again what it has sent.
// Its PINGs are not read meanwhile. If we send none, it gets a PONG as a sign of life: a peer that hears nothing dials
// again and again, and each of its connections would be held until the receiver goes on.
func (p *Peer) heldBack() (gone bool) {
	if p.beat == 0 && p.session.commands {
		p.outbox.command(zmtp.AppendCommand(nil, zmtp.Pong, nil))
	}
	return p.socket.cfg.Answered && ended(p.conn)
}
