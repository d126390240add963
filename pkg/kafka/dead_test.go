package kafka

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// kill ends a writer in the middle of a transaction, as if its process had been killed.
func (f *fake) kill(w *Writer, l *line, n int, seq uint64) {
	f.t.Helper()
	l.set(func(r kmsg.Request) fate {
		if _, ends := r.(*kmsg.EndTxnRequest); ends {
			go l.cut(true)
			return lost
		}
		return arrives
	})
	ctx, cancel := context.WithTimeout(f.t.Context(), time.Millisecond)
	defer cancel()
	if settled, err := store(ctx, w, n, seq); err == nil {
		f.t.Errorf("settled %q", settled)
	}
	f.close(w, 0)
}

// The transaction of a process that was killed stays open until its time-out. The next process does not wait for that.
func TestATransactionOfTheDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, 1, kfake.Ports(9092))
		defer f.end()
		a, l := f.writer("?once=true&transaction-timeout=10m", nil)
		f.stores(a, 1, []uint64{1}, "stored")
		f.kill(a, l, 1, 2)
		time.Sleep(2 * beatsLast)
		b, _ := f.writer("?once=true", nil)
		defer f.close(b, time.Minute)
		began := time.Now()
		f.stores(b, 2, []uint64{1}, "stored")
		f.stores(b, 1, []uint64{1, 2}, "repeat", "stored")
		if took := time.Since(began); took > time.Minute {
			t.Errorf("it has waited for %v", took)
		}
		f.has("1/1", "2/1", "1/2")
	})
}

// A neighbour that has nothing to store aborts it, too: otherwise it would hear nobody, and send away the senders of the
// dead.
func TestANeighbourAbortsATransactionOfTheDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, 1, kfake.Ports(9092))
		defer f.end()
		a, l := f.writer("?once=true&transaction-timeout=10m", nil)
		b, _ := f.writer("?once=true", nil)
		defer f.close(b, time.Minute)
		f.stores(b, 2, []uint64{1}, "stored")
		f.stores(a, 1, []uint64{1}, "stored")
		time.Sleep(2 * beatEvery)
		if b.Serves(sender(1)) {
			t.Error("it serves the sender of another one that is alive")
		}
		f.kill(a, l, 1, 2)
		for began := time.Now(); !b.Serves(sender(1)); time.Sleep(beatEvery) {
			if time.Since(began) > time.Minute {
				t.Fatal("it does not serve the sender of a dead one")
			}
		}
		f.stores(b, 1, []uint64{1, 2}, "repeat", "stored")
		f.has("2/1", "1/1", "1/2")
	})
}
