package kafka

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

// inOrder fails unless the messages 1 to last of sender 1 are stored, in the order of their first copies in each
// partition.
func (f *fake) inOrder(last int) {
	f.t.Helper()
	stored := make(map[string]bool)
	for partition, texts := range f.committed("data") {
		highest := 0
		for _, text := range texts {
			text, _, _ = strings.Cut(text, " ")
			var n, seq int
			if _, err := fmt.Sscanf(text, "%d/%d", &n, &seq); err != nil {
				f.t.Fatal(err)
			}
			if !stored[text] && seq < highest {
				f.t.Fatalf("partition %d: %d is stored after %d", partition, seq, highest)
			}
			stored[text], highest = true, max(highest, seq)
		}
	}
	if len(stored) != last {
		f.t.Errorf("%d messages of %d are stored", len(stored), last)
	}
}

// The order of a sender's messages in a partition holds through every trouble that passes.
func TestOrder(t *testing.T) {
	for _, err := range []*kerr.Error{kerr.NotLeaderForPartition, kerr.NotEnoughReplicas, kerr.NotEnoughReplicasAfterAppend,
		kerr.RequestTimedOut, kerr.KafkaStorageError, kerr.UnknownServerError, kerr.OutOfOrderSequenceNumber, kerr.CorruptMessage} {
		t.Run(err.Message, func(t *testing.T) {
			for seed := range uint64(5) {
				synctest.Test(t, func(t *testing.T) {
					f := newFake(t, 2, kfake.Ports(9092))
					defer f.end()
					r := rand.New(rand.NewPCG(seed, 0))
					f.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: err, Count: 20, When: func(kmsg.Request) bool { return r.IntN(3) == 0 }})
					f.storesMany(r, "?key=sender&compression=none", nil)
				})
			}
		})
	}
}

// storesMany stores 2,000 messages of a sender, as large as some requests.
func (f *fake) storesMany(r *rand.Rand, query string, decide func(kmsg.Request) fate) {
	f.t.Helper()
	const last = 2000
	w, l := f.writer(query, nil)
	defer f.close(w, time.Minute)
	l.set(decide)
	for next := uint64(1); next <= last; {
		var messages []message.Message
		var texts [][]byte
		for range min(1+r.Uint64N(600), last+1-next) {
			one, text := batch(1, next)
			next++
			text[0] = append(text[0], ' ')
			text[0] = append(text[0], bytes.Repeat([]byte("x"), 2000)...)
			messages, texts = append(messages, one...), append(texts, text...)
		}
		err := w.Store(f.t.Context(), messages, texts, func(i int, refusal error) {
			if refusal != nil {
				f.t.Errorf("%d is refused: %v", messages[i].Seq, refusal)
			}
		})
		if err != nil {
			f.t.Fatal(err)
		}
	}
	f.inOrder(last)
}

// It holds when connections end before or after a broker has stored what came over them.
func TestOrderOverCutConnections(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			f := newFake(t, 2, kfake.Ports(9092))
			defer f.end()
			r := rand.New(rand.NewPCG(seed, 0))
			decides := rand.New(rand.NewPCG(seed, 1))
			var left atomic.Int32
			left.Store(10)
			f.storesMany(r, "?key=sender", func(q kmsg.Request) fate {
				if _, ok := q.(*kmsg.ProduceRequest); !ok || left.Add(-1) < 0 {
					return arrives
				}
				return fate(decides.IntN(3))
			})
		})
	}
}

// What a client sends first of a topic goes out together, and fails together.
func TestOrderOfTheFirst(t *testing.T) {
	threads := 4 * runtime.NumCPU()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
	var done atomic.Bool
	for range threads - 2 { // others want the processors, so that the system interrupts each goroutine somewhere
		go func() {
			for !done.Load() {
			}
		}()
	}
	defer done.Store(true)
	for range 10 {
		synctest.Test(t, func(t *testing.T) {
			f := newFake(t, 1, kfake.Ports(9092))
			defer f.end()
			w, _ := f.writer("", nil)
			defer f.close(w, time.Minute)
			f.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.UnknownServerError, Count: 1})
			seqs := make([]uint64, maxPart)
			for i := range seqs {
				seqs[i] = uint64(i + 1)
			}
			if _, err := store(t.Context(), w, 1, seqs...); err != nil {
				t.Fatal(err)
			}
			f.inOrder(maxPart)
		})
	}
}

// A topic takes shorter batches than it did: those that it does not take are halved, and no message is cut.
func TestShorterBatches(t *testing.T) {
	for _, query := range []string{"?key=sender&compression=none", "?key=sender&compression=none&once=true"} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake(t, 2, kfake.Ports(9092))
			defer f.end()
			w, _ := f.writer(query, nil)
			defer f.close(w, time.Minute)
			f.stores(w, 2, []uint64{1}, "stored")
			most := 20_000
			refuse := func(r kmsg.Request) bool {
				for _, topic := range r.(*kmsg.ProduceRequest).Topics {
					for _, p := range topic.Partitions {
						if len(p.Records) > most {
							return true
						}
					}
				}
				return false
			}
			f.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "data", Err: kerr.MessageTooLarge, Count: -1, When: refuse})
			var messages []message.Message
			var texts [][]byte
			for seq := range uint64(300) {
				one, text := batch(1, seq+1)
				text[0] = append(append(text[0], ' '), bytes.Repeat([]byte("x"), 5000)...)
				messages, texts = append(messages, one...), append(texts, text...)
			}
			if err := w.Store(t.Context(), messages, texts, func(i int, refusal error) {
				if refusal != nil {
					t.Errorf("%d is refused: %v", i+1, refusal)
				}
			}); err != nil {
				t.Fatal(err)
			}
			f.inOrder(301)
			if n := w.Truncated(); n > 0 {
				t.Errorf("%d messages were cut", n)
			}
		})
	}
}

// A message that a broker does not take is refused alone, and the others are stored in their order.
func TestTheOneThatIsNotTaken(t *testing.T) {
	for _, query := range []string{"?key=sender&compression=none", "?key=sender&compression=none&once=true"} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake(t, 2, kfake.Ports(9092))
			defer f.end()
			w, _ := f.writer(query, nil)
			defer f.close(w, time.Minute)
			odd := []byte("1/77 odd")
			f.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "data", Err: kerr.InvalidRecord, Count: -1, When: func(r kmsg.Request) bool {
				for _, topic := range r.(*kmsg.ProduceRequest).Topics {
					for _, p := range topic.Partitions {
						if bytes.Contains(p.Records, odd) {
							return true
						}
					}
				}
				return false
			}})
			var messages []message.Message
			var texts [][]byte
			for seq := range uint64(300) {
				one, text := batch(1, seq+1)
				if seq == 76 {
					text[0] = odd
				}
				messages, texts = append(messages, one...), append(texts, text...)
			}
			refused := 0
			if err := w.Store(t.Context(), messages, texts, func(i int, refusal error) {
				if refusal != nil {
					refused = i + 1
				}
			}); err != nil {
				t.Fatal(err)
			}
			if refused != 77 {
				t.Errorf("%d is refused", refused)
			}
			f.inOrder(299)
		})
	}
}

// What a quota delays is stored.
func TestThrottled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, 1, kfake.Ports(9092))
		defer f.end()
		w, _ := f.writer("", nil)
		defer f.close(w, time.Minute)
		f.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.ThrottlingQuotaExceeded, Count: 20})
		f.stores(w, 1, []uint64{1, 2}, "stored", "stored")
		f.has("1/1", "1/2")
	})
}

// While the cluster is away, the writer ends when it is told to.
func TestTheEndWhileTheClusterIsAway(t *testing.T) {
	for _, query := range []string{"", "?once=true"} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake(t, 1, kfake.Ports(9092))
			defer f.end()
			w, l := f.writer(query, nil)
			f.stores(w, 1, []uint64{1}, "stored")
			l.freeze()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			began := time.Now()
			if _, err := store(ctx, w, 1, 2); err == nil {
				t.Error("stored")
			}
			w.Close(ctx) //nolint:errcheck // it is always nil
			if took := time.Since(began); took > time.Minute+5*time.Second {
				t.Errorf("it took %v", took)
			}
			l.thaw()
		})
	}
}

// A sender's owner goes just when its messages are sent away: none that came over the same connection is stored before
// those, also not in the next batch.
func TestOrderWhenTheOwnerGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t, 1)
		defer f.end()
		a, _ := f.writer("?once=true", nil)
		b, _ := f.writer("?once=true", nil)
		defer f.close(b, time.Minute)
		f.stores(b, 2, []uint64{1}, "stored")
		f.stores(a, 1, []uint64{1}, "stored")
		time.Sleep(2 * beatEvery)
		messages, texts := batch(1, 2, 3, 4)
		between, text := batch(2, 2)
		messages = append(messages[:1:1], between[0], messages[1], messages[2])
		texts = append(texts[:1:1], text[0], texts[1], texts[2])
		for i := range messages {
			messages[i].Conn = 7
		}
		messages[1].Conn = 8
		away, gone := 0, false
		settled := func(i int, refusal error) {
			if refusal == message.ErrElsewhere {
				away++
			}
			if !gone {
				gone = true
				f.close(a, time.Minute)
				for !b.Serves(sender(1)) {
					time.Sleep(time.Millisecond)
				}
			}
		}
		for _, part := range [][2]int{{0, 3}, {3, 4}} {
			if err := b.Store(t.Context(), messages[part[0]:part[1]], texts[part[0]:part[1]], settled); err != nil {
				t.Fatal(err)
			}
		}
		if away != 3 {
			t.Errorf("%d messages were sent away", away)
		}
		f.stores(b, 1, []uint64{2, 3, 4}, "stored", "stored", "stored")
		f.has("2/1", "1/1", "2/2", "1/2", "1/3", "1/4")
	})
}
