package zmq

import (
	"context"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/budget"
)

// flood keeps a sender's connection full of messages until the connection ends.
func (r *raw) flood() {
	for messages := strings.Repeat("\x00\xc8"+strings.Repeat("m", 200), 2000); ; {
		if _, err := io.WriteString(r, messages); err != nil {
			return
		}
	}
}

// However many senders always have something to send, their turns are of one length in the mean: where there is no
// memory for large blocks for all, nobody keeps one. (A single turn is short when it begins before its sender, another
// goroutine, has written more.)
func TestManySendersHaveEqualTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const senders, grown, rounds = 100, 10, 20
		memory := budget.New(budget.Least, 0) // 4 MiB for what is received
		s := open(t, Config{Type: Pull, MaxMessage: 1 << 12, Budget: memory})
		for range senders {
			near, far := pipes()
			s.work.Go(func() { s.serve(near, "pipe", nil, false, 0) })
			r := &raw{Conn: far, t: t}
			r.shake("PUSH")
			go r.flood()
			t.Cleanup(func() { far.Close() })
		}
		turns := make(map[*Peer]int)
		for round := range grown + rounds {
			synctest.Wait() // all readers have a batch to hand over
			if round == grown {
				clear(turns)
			}
			for range senders {
				b, err := s.Recv(context.Background())
				if err != nil {
					t.Fatal(err)
				}
				turns[b.Peer()] += b.Len()
				b.Release()
			}
		}
		all := slices.Sorted(maps.Values(turns))
		least, most := all[0], all[len(all)-1]
		if len(all) < senders || most > 2*least {
			t.Errorf("%d senders have %d to %d messages in %d turns", len(all), least, most, rounds)
		}
		if most <= rounds*minBlock/202 {
			t.Errorf("%d messages in %d turns only, although there is memory for more", most, rounds)
		}
		if used := memory.In.Used(); used > memory.In.Limit() {
			t.Errorf("%d bytes are in use, of %d", used, memory.In.Limit())
		}
	})
}

// Those that stop sending much leave their part to the others.
func TestPortionsFollowTheBusy(t *testing.T) {
	memory := budget.New(budget.Least, 0)
	var all []*receiver
	for range 100 {
		r := newReceiver(1<<12, 100)
		r.memory = &memory.In
		r.resize(4 * minBlock)
		all = append(all, r)
	}
	first, others := all[0], all[1:]
	first.resize(maxBlock)
	if first.share(); first.size == minBlock || 100*blockCost(first.size) > memory.In.Limit() {
		t.Errorf("blocks of %d bytes, where 100 want larger ones", first.size)
	}
	for i, r := range others {
		if i%2 == 0 {
			r.resize(minBlock)
		} else {
			r.close()
		}
	}
	first.resize(maxBlock)
	if first.share(); first.size != maxBlock {
		t.Errorf("blocks of %d bytes, where nobody else wants larger ones", first.size)
	}
}
