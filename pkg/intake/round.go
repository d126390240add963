package intake

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/delivery"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// Besides Config.Batch, these end a round. Its messages are stored, its senders are answered, and the next peer has its
// turn, whatever the others send: new messages, repeats, which are not stored, or what is no message at all.
const (
	roundBytes = 4 << 20               // the bytes of its messages; the last one may exceed it
	roundTime  = 10 * time.Millisecond // how long more has been ready all the time, unless Delay is longer
)

// round is what is stored together.
type round struct {
	messages, bytes int
	began, last     time.Time         // when its first and its last batch was taken
	plain           []message.Message // without Acknowledge: its messages
	borrowed        []*zmq.Batch      // their memory: released when they are stored

	batch []message.Message // once it is closed: what is to be stored
	fates []fate            // of the messages of batch
	err   error             // why not all are settled
}

type fate struct {
	settled bool
	refusal error
}

// clear releases the memory of a finished round.
func (r *round) clear() {
	clear(r.plain)
	for _, b := range r.borrowed {
		b.Release()
	}
	clear(r.borrowed)
	clear(r.fates)
	*r = round{plain: r.plain[:0], borrowed: r.borrowed[:0], fates: r.fates[:0]}
}

// full reports whether the round takes no more messages.
func (in *Intake) full() bool {
	return in.round.messages >= in.cfg.Batch || in.round.bytes >= roundBytes
}

// over reports whether the round takes no more batches.
func (in *Intake) over() bool {
	return in.full() || in.round.last.Sub(in.round.began) >= max(in.cfg.Delay, roundTime)
}

// gather waits for messages, unless there are some from the time when others were stored, and takes as many as make a
// round. It returns false when ctx has ended and nothing is left to store.
func (in *Intake) gather(ctx context.Context) bool {
	if !in.takeRest() && in.round.messages == 0 {
		b, err := in.socket.Recv(ctx)
		if err != nil {
			return false
		}
		in.take(b, 0)
	}
	if in.cfg.Acknowledge {
		in.fillUntilQuiet()
	} else {
		in.fillForDelay(ctx)
	}
	return true
}

// fillForDelay takes more plain messages until the round is over, Delay has passed or ctx ends.
func (in *Intake) fillForDelay(ctx context.Context) {
	var over <-chan time.Time
	if left := in.cfg.Delay - time.Since(in.round.began); left > 0 {
		timer := time.NewTimer(left)
		defer timer.Stop()
		over = timer.C
	}
	for !in.over() {
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

// fillUntilQuiet takes more acknowledged messages until the round is over, the senders are silent for Quiet, or Delay
// has passed. A sender sends its batch in one go and then waits for the acknowledgement: a short silence is the end of
// it, and waiting longer would fill nothing.
func (in *Intake) fillUntilQuiet() {
	deadline := in.round.began.Add(in.cfg.Delay)
	for !in.over() {
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

// takeRest takes what did not fit into the round before. It returns false if there is nothing, or if it must wait.
func (in *Intake) takeRest() bool {
	b := in.rest
	if b == nil {
		return false
	}
	in.rest = nil
	in.take(b, in.restFrom)
	return in.rest != b
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

// take adds the messages of b, beginning with index from, to the round. Those that do not fit become the rest.
func (in *Intake) take(b *zmq.Batch, from int) {
	source, known, pending := in.source(b.Peer())
	if pending {
		in.rest, in.restFrom = b, from
		return
	}
	if !known {
		b.Release()
		return
	}
	if in.round.last = time.Now(); len(in.round.borrowed) == 0 && in.round.messages == 0 {
		in.round.began = in.round.last
	}
	base := message.Message{Peer: b.Peer().Remote(), User: b.Peer().User(), Received: in.round.last, Conn: b.Peer().Number()}
	i := from
	for ; i < b.Len() && !in.full(); i++ {
		frames := b.Frames(i)
		in.counters.Received++
		in.round.messages++
		for _, f := range frames {
			in.round.bytes += len(f)
		}
		if !in.cfg.Acknowledge {
			m := message.FromFrames(frames)
			m.Peer, m.User, m.Received = base.Peer, base.User, base.Received
			in.round.plain = append(in.round.plain, m)
		} else if err := in.add(b.Peer(), source, frames, base); err != nil {
			b.Peer().Drop(fmt.Errorf("not acknowledged delivery: %w", err))
			i = b.Len()
			break
		}
	}
	if i < b.Len() {
		in.rest, in.restFrom = b, i
		return
	}
	in.round.borrowed = append(in.round.borrowed, b)
}

// source looks up who a peer is. known is false if nothing of it is taken: Senders.Up drops it, or has ended its
// connection. Without Acknowledge all peers are known, and the source means nothing. pending means that nothing can
// be taken before the closed rounds are answered.
func (in *Intake) source(p *zmq.Peer) (source delivery.Source, known, pending bool) {
	if !in.cfg.Acknowledge {
		return source, true, false
	}
	id, err := delivery.ParseSenderID(p.Identity())
	if err != nil {
		return source, false, false
	}
	claim, contested := in.cfg.Senders.look(p)
	if claim == nil {
		return source, false, false
	}
	if in.receiver.Pending(id, claim) {
		return source, false, true
	}
	return in.receiver.Source(id, claim, contested), true, false
}

// add adds one acknowledged message to the round.
func (in *Intake) add(p *zmq.Peer, source delivery.Source, frames [][]byte, base message.Message) error {
	if err := in.receiver.Add(p, source, frames, base); err != nil {
		return err
	}
	if why := source.Refusal(); why != nil {
		in.claims.refuse(source.Name(), base.Peer, source.Claim(), why)
	}
	return nil
}
