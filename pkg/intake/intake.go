// Package intake moves messages from a ZeroMQ socket into a destination, batch by batch. It takes what peers have sent,
// stores it, only then acknowledges it, if the senders speak acknowledged delivery, and takes more. A slow destination
// thus stops the reading and, through ZeroMQ's windows, the sending.
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
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/log"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// Config configures an Intake.
type Config struct {
	Acknowledge bool          // the senders speak acknowledged delivery
	Batch       int           // most messages per write to the destination
	Delay       time.Duration // longest wait to fill a batch
	Quiet       time.Duration // with Acknowledge: store the batch after this much silence; 0: at once
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
	plain    []message.Message // without Acknowledge: the batch
	borrowed []*zmq.Batch      // the batch's memory: released when it is stored
	rest     *zmq.Batch        // its messages from restFrom on did not fit into the batch; nil: none
	restFrom int
	counters Counters
	lost     log.Limited // for plain messages that the destination refuses
}

// New makes an intake. Nothing else may receive from the socket. The caller closes the destination.
func New(cfg Config, socket *zmq.Socket, dest destination.Destination) *Intake {
	return &Intake{cfg: cfg, socket: socket, dest: dest, lost: log.Limited{Logger: cfg.Logger}}
}

// CheckSender drops a peer that does not speak acknowledged delivery. It is for the socket's OnUp with
// Config.Acknowledge.
func CheckSender(p *zmq.Peer) {
	if _, err := delivery.ParseSenderID(p.Identity()); err != nil {
		p.Drop(err)
	}
}

// Run moves messages until ctx ends or the destination has ended by itself; both are normal and return nil. It first
// finishes the batch in hand. Without Acknowledge it then retires the socket and takes everything that was sent, until
// draining ends; messages that are lost there are an error.
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
		return over(err) // a sender that is not answered sends again
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
	const late = "the destination did not take everything within --linger: %d messages that were read are lost"
	select {
	case <-gone:
		if lost == 0 {
			return nil
		}
		return fmt.Errorf(late, lost)
	default:
		return fmt.Errorf(late+", and what was not read", lost)
	}
}

// over returns nil for the error of a destination that has ended by itself, which is a normal end.
func over(err error) error {
	if errors.Is(err, destination.ErrOver) {
		return nil
	}
	return err
}

// move moves batches until ctx ends, and returns nil then. It waits for a batch to be stored until storing ends.
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
	b, from := in.rest, in.restFrom
	if b == nil {
		var err error
		if b, err = in.socket.Recv(ctx); err != nil {
			return false
		}
		from = 0
	}
	in.rest = nil
	in.take(b, from)
	if in.cfg.Acknowledge {
		in.fillUntilQuiet()
	} else {
		in.fillForDelay(ctx)
	}
	return true
}

// fillForDelay takes more plain messages until the batch is full, Delay is over or ctx ends.
func (in *Intake) fillForDelay(ctx context.Context) {
	var over <-chan time.Time
	if in.cfg.Delay > 0 {
		timer := time.NewTimer(in.cfg.Delay)
		defer timer.Stop()
		over = timer.C
	}
	for in.size() < in.cfg.Batch {
		if in.takeReady() {
			continue
		}
		if over == nil {
			return
		}
		select {
		case b := <-in.socket.Incoming():
			in.take(b, 0)
		case <-over:
			return
		case <-ctx.Done():
			return
		}
	}
}

// fillUntilQuiet takes more acknowledged messages until the batch is full, the senders are silent for Quiet, or Delay
// is over. A sender sends its batch in one go and then waits for the acknowledgement: a short silence is the end of it,
// and waiting longer would fill nothing.
func (in *Intake) fillUntilQuiet() {
	deadline := time.Now().Add(in.cfg.Delay)
	for in.size() < in.cfg.Batch {
		if in.takeReady() {
			continue
		}
		if in.cfg.Quiet == 0 || time.Now().After(deadline) {
			return
		}
		pause := unix.NsecToTimespec(int64(in.cfg.Quiet))
		unix.Nanosleep(&pause, nil) // an idle Go timer takes a millisecond at least; being cut short does no harm
		if !in.takeReady() {
			return
		}
	}
}

// takeReady takes what the next peer has sent. It returns false when nothing is there.
func (in *Intake) takeReady() bool {
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

// take adds the messages of b, beginning with index from, to the batch. Those that do not fit become the rest.
func (in *Intake) take(b *zmq.Batch, from int) {
	base := message.Message{Peer: b.Peer().Remote(), Received: time.Now()}
	var id delivery.SenderID
	if in.cfg.Acknowledge {
		var err error
		if id, err = delivery.ParseSenderID(b.Peer().Identity()); err != nil {
			b.Release() // CheckSender drops this peer
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
	in.borrowed = append(in.borrowed, b)
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
	in.lost.Write(slog.LevelError, "message lost: the destination refused it, and its sender wants no acknowledgement",
		"reason", refusal)
}

// finish answers the senders and releases the memory of the batch.
func (in *Intake) finish() {
	for _, conn := range in.receiver.Answer() {
		conn.(*zmq.Peer).Drop(errors.New("the sender does not read its acknowledgements"))
	}
	clear(in.plain)
	in.plain = in.plain[:0]
	for _, b := range in.borrowed {
		b.Release()
	}
	clear(in.borrowed)
	in.borrowed = in.borrowed[:0]
}

// Counters returns the totals. Call it only after Run has returned.
func (in *Intake) Counters() Counters {
	c := in.counters
	c.Duplicates, c.Refused = in.receiver.Duplicates, c.Refused+in.receiver.Refused
	return c
}
