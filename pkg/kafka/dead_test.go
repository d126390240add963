package kafka

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/kafka/kafkatest"
)

// kill ends a writer in the middle of a transaction, as if its process had been killed.
func kill(t *testing.T, w *Writer, l *line, n int, seq uint64) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	l.set(func(r kmsg.Request) fate {
		if _, ends := r.(*kmsg.EndTxnRequest); ends {
			go func() {
				l.cut(true)
				cancel()
			}()
			return lost
		}
		return arrives
	})
	if settled, err := store(ctx, w, n, seq); err == nil {
		t.Errorf("settled %q", settled)
	}
	if err := w.Close(ctx); err != nil {
		t.Error(err)
	}
}

// The transaction of a process that was killed stays open until its time-out. The next process does not wait for that.
func TestATransactionOfTheDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, 1, kfake.Ports(9092))
		defer f.end()
		a, l := f.writer("?once=true&transaction-timeout=10m", nil)
		f.stores(a, 1, []uint64{1}, "stored")
		kill(t, a, l, 1, 2)
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

// A neighbour that has nothing to store aborts it, too: otherwise it would hear nobody, and send away the senders of
// the dead.
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
		kill(t, a, l, 1, 2)
		for began := time.Now(); !b.Serves(sender(1)); time.Sleep(beatEvery) {
			if time.Since(began) > time.Minute {
				t.Fatal("it does not serve the sender of a dead one")
			}
		}
		f.stores(b, 1, []uint64{1, 2}, "repeat", "stored")
		f.has("2/1", "1/1", "1/2")
	})
}

// The same with Kafka itself.
func TestATransactionOfTheDeadInKafka(t *testing.T) {
	t.Parallel()
	c := kafkatest.Start(t, kafkatest.Config{})
	c.CreateTopic("data", 1, 1, nil)
	writer := func() *Writer {
		target, err := ParseTarget("kafka://" + c.Bootstrap() + "/data?once=true&transaction-timeout=10m")
		if err != nil {
			t.Fatal(err)
		}
		w, err := NewWriter(Config{Target: target, Logger: slog.New(slog.NewTextHandler(t.Output(), nil))})
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	stores := func(w *Writer, n int, want ...string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		if got, err := store(ctx, w, n, 1); err != nil || !slices.Equal(got, want) {
			t.Errorf("settled %q, %v", got, err)
		}
	}
	a := writer()
	l := tap(a, a.net.reach)
	stores(a, 1, "stored")
	kill(t, a, l, 1, 2)
	b := writer()
	defer b.Close(t.Context())
	stores(b, 2, "stored")
	stores(b, 1, "repeat")
}
