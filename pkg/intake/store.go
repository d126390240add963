package intake

import (
	"context"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// overlapFrom is the number of messages from which on a round is stored by another goroutine, and the next one gathered
// meanwhile. For fewer, handing them over would take longer than it saves, and would delay their acknowledgement.
const overlapFrom = 100

// close closes the open round and opens another.
func (in *Intake) close() *round {
	r := in.round
	if r.batch = r.plain; in.cfg.Acknowledge {
		r.batch = in.receiver.Close()
	}
	r.fates = append(r.fates[:0], make([]fate, len(r.batch))...)
	if last := len(in.spare) - 1; last >= 0 {
		in.round, in.spare = in.spare[last], in.spare[:last]
	} else {
		in.round = &round{}
	}
	return r
}

// storeRound stores a closed round, until ctx ends.
func (in *Intake) storeRound(ctx context.Context, r *round) {
	if len(r.batch) == 0 {
		return // repeats only
	}
	began := time.Now()
	in.storeSince.Store(began.UnixNano())
	r.err = in.dest.Store(ctx, r.batch, func(i int, refusal error) { r.fates[i] = fate{true, refusal} })
	in.storeSince.Store(0)
	in.cfg.Times.ObserveDuration(time.Since(began), 1)
	in.cfg.Sizes.Observe(uint64(len(r.batch)), 1)
}

// storeAll stores rounds until there are no more. Run waits for it.
func (in *Intake) storeAll(ctx context.Context) {
	for r := range in.storing {
		in.storeRound(ctx, r)
		in.stored <- r
	}
}

// store stores the open round and answers its senders. While a large one is being stored, it gathers the next. If that
// one is full by then, it is stored at once, before the senders of the first are answered; otherwise it stays the open
// round. Rounds are stored and answered one after the other, in order.
func (in *Intake) store(ctx, storing context.Context) error {
	r := in.close()
	if r.messages < in.overlapFrom {
		in.storeRound(storing, r)
		return in.finish(r)
	}
	for in.storing <- r; ; {
		r = in.gatherMeanwhile(ctx)
		full := r.err == nil && in.full()
		if full {
			in.storing <- in.close()
		}
		if err := in.finish(r); err != nil || !full {
			return err
		}
	}
}

// gatherMeanwhile takes messages until the open round is full or ctx ends, and returns the round that is being stored
// once that is done.
func (in *Intake) gatherMeanwhile(ctx context.Context) *round {
	for ended := ctx.Done(); ; {
		if ended != nil && !in.full() {
			in.takeRest()
		}
		var incoming <-chan *zmq.Batch
		if ended != nil && !in.full() && in.rest == nil {
			incoming = in.socket.Incoming()
		}
		select {
		case r := <-in.stored:
			return r
		case b := <-incoming:
			in.take(b, 0)
		case <-ended:
			ended = nil
		}
	}
}
