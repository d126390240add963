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

// round is what was taken since the last write to the destination.
type round struct {
	messages, bytes int
	began, last     time.Time // when its first and its last batch was taken
}

// full reports whether the round takes no more messages.
func (in *Intake) full() bool {
	return in.round.messages >= in.cfg.Batch || in.round.bytes >= roundBytes
}

// over reports whether the round takes no more batches.
func (in *Intake) over() bool {
	return in.full() || in.round.last.Sub(in.round.began) >= max(in.cfg.Delay, roundTime)
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
	in.round.began = in.round.last
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
	if in.cfg.Delay > 0 {
		timer := time.NewTimer(in.cfg.Delay)
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
	in.round.last = time.Now()
	base := message.Message{Peer: b.Peer().Remote(), User: b.Peer().User(), Received: in.round.last}
	source, known := in.source(b.Peer())
	if !known {
		b.Release()
		return
	}
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
			in.plain = append(in.plain, m)
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
	in.borrowed = append(in.borrowed, b)
}

// source looks up who a peer is. known is false if nothing of it is taken: Senders.Up drops it, or has ended its
// connection. Without Acknowledge all peers are known, and the source means nothing.
func (in *Intake) source(p *zmq.Peer) (source delivery.Source, known bool) {
	if !in.cfg.Acknowledge {
		return source, true
	}
	id, err := delivery.ParseSenderID(p.Identity())
	if err != nil {
		return source, false
	}
	claim, contested := in.cfg.Senders.look(p)
	if claim == nil {
		return source, false
	}
	return in.receiver.Source(id, claim, contested), true
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
