package kafka

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

// stores stores messages of a sender, and fails if they are not settled like this.
func (f *fake) stores(w *Writer, n int, seqs []uint64, want ...string) {
	f.t.Helper()
	got, err := store(f.t.Context(), w, n, seqs...)
	if err != nil || !slices.Equal(got, want) {
		f.t.Errorf("sender %d's %d: settled %q, %v, want %q", n, seqs, got, err, want)
	}
}

func (f *fake) has(want ...string) {
	f.t.Helper()
	if got := f.committed("data")[0]; !slices.Equal(got, want) {
		f.t.Errorf("stored %q, want %q", got, want)
	}
}

func TestOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, 1)
		defer f.end()
		a, _ := f.writer("?once=true", nil)
		f.stores(a, 1, []uint64{1, 2}, "stored", "stored")
		f.stores(a, 1, []uint64{2, 3}, "repeat", "stored")
		f.close(a, time.Minute)
		b, _ := f.writer("?once=true", nil)
		f.stores(b, 1, []uint64{3, 4}, "repeat", "stored")
		f.close(b, time.Minute)
		f.has("1/1", "1/2", "1/3", "1/4")
	})
}

// Nothing is stored as long as the memory is in a topic of several partitions, which has no order.
func TestMemoryInSeveralPartitions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, 1, kfake.SeedTopics(3, defaultState))
		defer f.end()
		w, _ := f.writer("?once=true", nil)
		defer f.close(w, time.Minute)
		got, err := store(t.Context(), w, 1, 1)
		if err != nil || !strings.Contains(got[0], "it has 3 partitions") {
			t.Errorf("settled %q, %v", got, err)
		}
		f.has()
	})
}

// fence ends a writer's session, as one does that takes a sender over.
func (f *fake) fence(w *Writer) {
	f.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers("localhost:9092"), kgo.Dialer(f.net.DialContext), kgo.DisableClientMetrics(),
		kgo.TransactionalID(w.ledger.transactionalID(w.ledger.instance)))
	if err != nil {
		f.t.Fatal(err)
	}
	defer client.Close()
	if _, _, err := client.ProducerID(f.t.Context()); err != nil {
		f.t.Fatal(err)
	}
}

// A sender of which the connection's memory was forgotten may send a message twice in a round.
func TestTwiceInABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, 1)
		defer f.end()
		a, _ := f.writer("?once=true", nil)
		defer f.close(a, time.Minute)
		f.stores(a, 1, []uint64{1, 2, 1, 2, 3}, "stored", "stored", "repeat", "repeat", "stored")
		f.has("1/1", "1/2", "1/3")
	})
}

func TestFenced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, 1)
		defer f.end()
		a, _ := f.writer("?once=true", nil)
		defer f.close(a, time.Minute)
		f.stores(a, 1, []uint64{1}, "stored")
		f.fence(a)
		f.stores(a, 1, []uint64{1, 2}, "repeat", "stored")
		f.has("1/1", "1/2")
	})
}

// A session that was fenced pauses before it begins again. A program may end meanwhile.
func TestTheEndAfterAFence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, 1)
		defer f.end()
		a, _ := f.writer("?once=true", nil)
		f.stores(a, 1, []uint64{1}, "stored")
		f.fence(a)
		ctx, cancel := context.WithTimeout(t.Context(), fencedPause/2)
		defer cancel()
		if settled, err := store(ctx, a, 1, 2); !errors.Is(err, context.DeadlineExceeded) || settled[0] != "" {
			t.Errorf("settled %q, %v", settled, err)
		}
		f.close(a, 0)
		f.has("1/1")
	})
}

// A process gives up the senders that are not connected any more, also one that was fenced and stores nothing.
func TestGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, 1)
		defer f.end()
		var gone atomic.Bool
		a, _ := f.writer("?once=true", func(string) bool { return !gone.Load() })
		defer f.close(a, time.Minute)
		b, _ := f.writer("?once=true", nil)
		defer f.close(b, time.Minute)
		f.stores(a, 1, []uint64{1}, "stored")
		f.stores(b, 2, []uint64{1}, "stored")
		time.Sleep(2 * beatEvery) // both have heard of each other
		f.stores(b, 1, []uint64{1, 2}, "elsewhere", "elsewhere")
		f.fence(a)
		gone.Store(true)
		time.Sleep(10 * time.Second)
		if !b.Serves(sender(1)) {
			t.Error("the sender is not given up")
		}
		f.stores(b, 1, []uint64{1, 2}, "repeat", "stored")
		f.has("1/1", "2/1", "1/2")
	})
}

// Many senders may leave at once.
func TestManyAreGivenUp(t *testing.T) {
	const senders = 2*maxGivenUp + maxGivenUp/2
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, 1)
		defer f.end()
		var gone atomic.Bool
		a, _ := f.writer("?once=true", func(string) bool { return !gone.Load() })
		defer f.close(a, time.Minute)
		var messages []message.Message
		var texts [][]byte
		for n := range senders {
			one, text := batch(n, 1)
			messages, texts = append(messages, one...), append(texts, text...)
		}
		if err := a.Store(t.Context(), messages, texts, func(int, error) {}); err != nil {
			t.Fatal(err)
		}
		gone.Store(true)
		time.Sleep(10 * time.Second)
		if ids := a.ledger.memory.owned(func(string) bool { return false }); len(ids) > 0 {
			t.Errorf("%d senders are not given up", len(ids))
		}
	})
}

// A process that waits for Kafka is alive: its senders are not served elsewhere.
func TestAliveWhileItWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, 1)
		defer f.end()
		a, _ := f.writer("?once=true", func(id string) bool { return id == sender(1) })
		defer f.close(a, time.Minute)
		b, _ := f.writer("?once=true", nil)
		defer f.close(b, time.Minute)
		f.stores(a, 1, []uint64{1}, "stored")
		f.stores(a, 3, []uint64{1}, "stored") // which has gone, and waits to be given up
		f.stores(b, 2, []uint64{1}, "stored")
		fault := f.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "data", Err: kerr.NotEnoughReplicas, Count: -1})
		stored := make(chan struct{})
		go func() {
			defer close(stored)
			f.stores(a, 1, []uint64{2}, "stored")
		}()
		for range 30 {
			time.Sleep(time.Second)
			if b.Serves(sender(1)) {
				t.Fatal("another process would serve its sender")
			}
		}
		fault.Remove()
		<-stored
		f.has("1/1", "3/1", "2/1", "1/2")
	})
}
