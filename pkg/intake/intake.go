// Package intake moves messages from a ZeroMQ socket into a destination, batch by batch: it takes what peers have
// sent, stores it, and only then acknowledges it, when the senders ask for that, and takes more. A slow
// destination so stops the reading, and through ZeroMQ's windows the sending.
package intake

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/delivery"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/destination"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// Config is what an intake needs to know.
type Config struct {
	Acknowledge bool          // the senders speak acknowledged delivery
	Batch       int           // most messages per write to the destination
	Delay       time.Duration // longest wait to fill a batch
	Quiet       time.Duration // Acknowledge: when nothing has come for so long, no more is waited for; 0: nothing is waited for at all
	Logger      *slog.Logger
}

// Counters are the totals of an intake.
type Counters struct {
	Received, Stored, Duplicates, Refused uint64
}

// Intake runs in one goroutine: Run.
type Intake struct {
	cfg      Config
	socket   *zmq.Socket
	dest     destination.Destination
	receiver delivery.Receiver
	plain    []message.Message // the batch, when nobody is to be answered
	held     []*zmq.Batch      // whose memory the batch is made of
	rest     *zmq.Batch        // what did not fit into the batch
	restFrom int
	counters Counters
}

// New makes an intake. The socket must not be received from by anybody else; the destination's owner closes it.
func New(cfg Config, socket *zmq.Socket, dest destination.Destination) *Intake {
	return &Intake{cfg: cfg, socket: socket, dest: dest}
}

// CheckSender drops a peer that does not speak acknowledged delivery. It is the socket's OnUp when Config.Acknowledge is set.
func CheckSender(p *zmq.Peer) {
	if _, err := delivery.ParseSenderID(p.Identity()); err != nil {
		p.Drop(err)
	}
}

// Run moves messages until ctx ends or the destination has ended by itself; both are normal and return nil. The
// batch in hand is finished first, and what senders who hear of no acknowledgement have sent is taken to the end, for as
// long as draining lasts. The socket is retired then.
func (in *Intake) Run(ctx, draining context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if done := in.dest.Done(); done != nil {
		go func() {
			select {
			case <-done:
				cancel()
			case <-ctx.Done():
			}
		}()
	}
	if err := in.move(ctx, draining); err != nil || in.cfg.Acknowledge {
		return over(err) // a sender that hears nothing sends again
	}
	gone := in.socket.Retire()
	rest, stop := context.WithCancel(draining)
	defer stop()
	go func() {
		select {
		case <-gone:
			stop()
		case <-rest.Done():
		}
	}()
	if err := in.move(rest, draining); err != nil {
		return over(err)
	}
	lost := in.counters.Received - in.counters.Stored - in.counters.Refused
	select {
	case <-gone:
		if lost == 0 {
			return nil
		}
		return fmt.Errorf("the destination did not take everything within --linger: %d messages that were read are lost", lost)
	default:
		return fmt.Errorf("the destination did not take everything within --linger: %d messages that were read are lost, and what was not read", lost)
	}
}

// over is nil when the destination has ended by itself: that is a normal end.
func over(err error) error {
	if errors.Is(err, destination.ErrOver) {
		return nil
	}
	return err
}

// move moves batches until ctx ends (nil). A batch may take as long as storing lasts.
func (in *Intake) move(ctx, storing context.Context) error {
	for in.gather(ctx) {
		err := in.store(storing)
		in.finish()
		if err != nil && storing.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// gather waits for messages and takes as many as make a batch. It returns false when ctx has ended.
func (in *Intake) gather(ctx context.Context) bool {
	if in.rest == nil {
		b, err := in.socket.Recv(ctx)
		if err != nil {
			return false
		}
		in.take(b, 0)
	} else {
		b, from := in.rest, in.restFrom
		in.rest = nil
		in.take(b, from)
	}
	var full <-chan time.Time
	if in.cfg.Delay > 0 && !in.cfg.Acknowledge { // a sender that waits for its acknowledgement sends no more to fill a batch with
		timer := time.NewTimer(in.cfg.Delay)
		defer timer.Stop()
		full = timer.C
	}
	deadline := time.Now().Add(in.cfg.Delay)
	for in.rest == nil && in.size() < in.cfg.Batch {
		if b := in.socket.TryRecv(); b != nil {
			in.take(b, 0)
			continue
		}
		if full == nil {
			if in.cfg.Quiet == 0 || time.Now().After(deadline) || !in.more() {
				break
			}
			continue
		}
		select {
		case b := <-in.socket.Incoming():
			in.take(b, 0)
		case <-full:
			return true
		case <-ctx.Done():
			return true
		}
	}
	return true
}

// more waits for Quiet, and then tells whether something has come meanwhile, which it takes. A sender sends its batch in one go and then waits for its
// acknowledgement, so that a short silence is the end of a batch.
func (in *Intake) more() bool {
	pause := unix.NsecToTimespec(int64(in.cfg.Quiet))
	unix.Nanosleep(&pause, nil) // Go's timers take a millisecond at least when all is quiet; and cut short is as good
	b := in.socket.TryRecv()
	if b == nil {
		return false
	}
	in.take(b, 0)
	return true
}

func (in *Intake) size() int {
	if in.cfg.Acknowledge {
		return len(in.receiver.Batch())
	}
	return len(in.plain)
}

// take adds the messages of b, beginning with from, to the batch, and keeps those that do not fit for the next one.
func (in *Intake) take(b *zmq.Batch, from int) {
	base := message.Message{Peer: b.Peer().Remote(), Received: time.Now()}
	var id delivery.SenderID
	if in.cfg.Acknowledge {
		var err error
		if id, err = delivery.ParseSenderID(b.Peer().Identity()); err != nil {
			b.Release() // CheckSender drops the peer
			return
		}
	}
	i := from
	for ; i < b.Len() && in.size() < in.cfg.Batch; i++ {
		in.counters.Received++
		if !in.cfg.Acknowledge {
			m := message.FromFrames(b.Frames(i))
			m.Peer, m.Received = base.Peer, base.Received
			in.plain = append(in.plain, m)
		} else if err := in.receiver.Add(b.Peer(), id, b.Frames(i), base); err != nil {
			b.Peer().Drop(fmt.Errorf("not acknowledged delivery: %w", err))
			i = b.Len()
			break
		}
	}
	if i < b.Len() {
		in.rest, in.restFrom = b, i
		return
	}
	in.held = append(in.held, b)
}

// store stores the batch.
func (in *Intake) store(ctx context.Context) error {
	batch, settle := in.plain, in.settlePlain
	if in.cfg.Acknowledge {
		batch, settle = in.receiver.Batch(), in.settleAcknowledged
	}
	if len(batch) == 0 {
		return nil // repeats only
	}
	return in.dest.Store(ctx, batch, settle)
}

func (in *Intake) settleAcknowledged(i int, refusal error) {
	if refusal == destination.ErrRepeat {
		in.receiver.Duplicates++
		in.receiver.Settle(i, nil)
		return
	}
	in.receiver.Settle(i, refusal)
	if refusal == nil {
		in.counters.Stored++
	}
}

func (in *Intake) settlePlain(_ int, refusal error) {
	if refusal == nil {
		in.counters.Stored++
		return
	}
	in.counters.Refused++
	in.cfg.Logger.Error("message lost: the destination refused it, and its sender asks for no acknowledgement", "reason", refusal)
}

// finish answers the senders and gives the batch's memory back.
func (in *Intake) finish() {
	for _, conn := range in.receiver.Answer() {
		conn.(*zmq.Peer).Drop(errors.New("the sender does not read its acknowledgements"))
	}
	clear(in.plain)
	in.plain = in.plain[:0]
	for _, b := range in.held {
		b.Release()
	}
	clear(in.held)
	in.held = in.held[:0]
}

// Counters returns the totals. Only for when Run has returned.
func (in *Intake) Counters() Counters {
	c := in.counters
	c.Duplicates, c.Refused = in.receiver.Duplicates, c.Refused+in.receiver.Refused
	return c
}
