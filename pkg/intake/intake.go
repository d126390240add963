// Package intake moves messages from a ZeroMQ socket into a destination, batch by batch. It takes what peers have sent,
// stores it, only then acknowledges it, if the senders speak acknowledged delivery, and takes more. A slow destination
// thus stops the reading and, through ZeroMQ's windows, the sending.
package intake

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/delivery"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/destination"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/log"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/statistics"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// Config configures an Intake.
type Config struct {
	Acknowledge bool          // the senders speak acknowledged delivery
	Senders     *Senders      // with Acknowledge: who is connected
	Batch       int           // most messages of a round, and thus of a write to the destination
	Delay       time.Duration // longest wait to fill a batch
	Quiet       time.Duration // with Acknowledge: store the batch after this much silence; 0: at once
	Logger      *slog.Logger

	Sizes, Times, Ages *statistics.Histogram // of what is stored together: messages, how long that took, and how long since they came; nil: not observed
}

// Counters are the totals of an intake.
type Counters struct {
	Received, Stored, Duplicates, Refused uint64

	Claims uint64 // of the refused ones: their sender id was another's
}

// Intake moves messages. While a round is being stored, Run gathers the next one.
type Intake struct {
	cfg      Config
	socket   *zmq.Socket
	dest     destination.Destination
	receiver delivery.Receiver
	round    *round     // the open one
	spare    []*round   // finished ones, whose memory is used again
	rest     *zmq.Batch // its messages from restFrom on did not fit into the round, or must wait; nil: none
	restFrom int
	storing  chan *round // to the goroutine that stores full rounds
	stored   chan *round // back from it

	overlapFrom int // overlapFrom; tests set it

	counters Counters
	claims   claims
	lost     log.Limited // for plain messages that the destination refuses

	storeSince atomic.Int64 // Unix nanoseconds when the destination was last given messages; 0: it has settled them
	storedAt   atomic.Int64 // Unix nanoseconds when it had last stored some; 0: never

	mu   sync.Mutex
	told Counters // the totals after the last round
}

// New makes an intake. Nothing else may receive from the socket. The caller closes the destination.
func New(cfg Config, socket *zmq.Socket, dest destination.Destination) *Intake {
	in := &Intake{cfg: cfg, socket: socket, dest: dest, round: &round{},
		storing: make(chan *round), stored: make(chan *round), overlapFrom: overlapFrom}
	in.lost.Logger, in.claims.log.Logger = cfg.Logger, cfg.Logger
	return in
}

// Run moves messages until ctx ends or the destination has ended by itself; both are normal and return nil. It first
// finishes the rounds in hand. Without Acknowledge it then retires the socket and takes everything that was sent, until
// draining ends; messages that are lost there are an error.
func (in *Intake) Run(ctx, draining context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer in.tell()
	var storer sync.WaitGroup
	storer.Go(func() { in.storeAll(draining) })
	defer storer.Wait()
	defer close(in.storing)
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
		return ended(err) // a sender that is not answered sends again
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
		return ended(err)
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

// ended returns nil for the error of a destination that has ended by itself, which is a normal end.
func ended(err error) error {
	if errors.Is(err, destination.ErrOver) {
		return nil
	}
	return err
}

// move moves messages until ctx ends, and returns nil then. It waits for a round to be stored until storing ends.
func (in *Intake) move(ctx, storing context.Context) error {
	for in.gather(ctx) {
		if err := in.store(ctx, storing); err != nil {
			in.finish(in.close()) //nolint:errcheck // what has been gathered meanwhile is not stored
			if storing.Err() != nil {
				return nil
			}
			return err
		}
	}
	return nil
}

// settle counts and records what has become of the messages of the oldest closed round.
func (in *Intake) settle(r *round) {
	settle := in.settlePlain
	if in.cfg.Acknowledge {
		settle = in.settleAcknowledged
	}
	before := in.counters.Stored
	for i := range r.fates {
		if f := &r.fates[i]; f.settled {
			settle(i, f.refusal)
		}
	}
	if in.counters.Stored > before {
		in.storedAt.Store(time.Now().UnixNano())
	}
}

func (in *Intake) settleAcknowledged(i int, refusal error) {
	if refusal == destination.ErrElsewhere {
		in.receiver.Leave(i)
		return
	}
	if refusal == destination.ErrRepeat {
		in.receiver.Duplicates++
		in.receiver.Settle(i, nil)
		return
	}
	in.receiver.Settle(i, refusal)
	if refusal == nil {
		in.counters.Stored++
		return
	}
	claim, ok := errors.AsType[*message.ClaimError](refusal)
	if m := &in.receiver.Batch()[i]; ok && m.Claim != nil {
		in.claims.refuse(m.Sender, m.Peer, m.Claim, claim)
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

// finish answers the senders of the oldest closed round and releases its memory. It returns why not all of its messages
// were stored.
func (in *Intake) finish(r *round) error {
	in.settle(r)
	defer in.tell()
	err := r.err
	if in.cfg.Acknowledge {
		deaf, left := in.receiver.Answer()
		for _, conn := range deaf {
			conn.(*zmq.Peer).Drop(errors.New("the sender does not read its acknowledgements"))
		}
		for _, conn := range left {
			conn.(*zmq.Peer).Drop(destination.ErrElsewhere)
		}
	}
	in.cfg.Ages.ObserveDuration(time.Since(r.began), uint64(r.messages))
	r.clear()
	in.spare = append(in.spare, r)
	return err
}

// Counters returns the totals after the last round. It may be called at any time.
func (in *Intake) Counters() Counters {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.told
}

// Storing returns since when the destination has had messages that it has not settled; the zero time: it has none. It
// may be called at any time.
func (in *Intake) Storing() time.Time {
	if since := in.storeSince.Load(); since != 0 {
		return time.Unix(0, since)
	}
	return time.Time{}
}

// Stored returns when the destination had last stored a message; the zero time: never. It may be called at any time.
func (in *Intake) Stored() time.Time {
	if at := in.storedAt.Load(); at != 0 {
		return time.Unix(0, at)
	}
	return time.Time{}
}

// tell lets Counters return the totals of this moment.
func (in *Intake) tell() {
	c := in.counters
	c.Claims = in.claims.refused
	c.Duplicates, c.Refused = in.receiver.Duplicates, c.Refused+in.receiver.Refused
	in.mu.Lock()
	defer in.mu.Unlock()
	in.told = c
}
