package kafka

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

var seeds = flag.Int("seeds", 10, "schedules of TestOnceModel")

// There is one broker: with more, two goroutines of a client wait for a sync.Mutex and for the time, which then stands
// still in a bubble. It does not compact: kfake takes what is not committed for the latest.

// world is some senders, each of which is connected to one of several writers, or to two for a while, and a schedule of
// faults.
type world struct {
	*fake
	rand *rand.Rand

	mu      sync.Mutex
	senders []*modelSender
	writers []*modelWriter
	calm    bool // no more faults
}

// modelSender has the numbers 1 to last. It sends those from next on, which are not acknowledged.
type modelSender struct {
	n          int
	next, last uint64
	at         int // index of its writer
}

type modelWriter struct {
	*Writer
	line   *line
	stop   context.CancelFunc
	killed bool
}

func (w *world) draw(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rand.IntN(n)
}

func (w *world) lives() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.calm
}

// start starts the writer of an index, and stores with it until it is stopped.
func (w *world) start(at int, working *sync.WaitGroup) {
	m := &modelWriter{}
	m.Writer, m.line = w.writer("?once=true&key=sender&transaction-timeout=10s", func(id string) bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return slices.ContainsFunc(w.senders, func(s *modelSender) bool { return sender(s.n) == id && s.at == at })
	})
	m.line.set(func(r kmsg.Request) fate { return w.lose(r) })
	var ctx context.Context
	ctx, m.stop = context.WithCancel(context.Background())
	w.mu.Lock()
	w.writers[at] = m
	w.mu.Unlock()
	working.Go(func() {
		for ctx.Err() == nil {
			if !w.round(ctx, at, m) {
				time.Sleep(time.Duration(1+w.draw(50)) * time.Millisecond)
			}
		}
		within := time.Minute
		if m.killed {
			within = 0
		}
		w.close(m.Writer, within)
	})
}

// lose lets a request or its answer be lost now and then.
func (w *world) lose(r kmsg.Request) fate {
	if !w.lives() {
		return arrives
	}
	often := 300
	switch r.(type) {
	case *kmsg.EndTxnRequest:
		often = 15
	case *kmsg.ProduceRequest, *kmsg.InitProducerIDRequest:
		often = 60
	}
	switch w.draw(often) {
	case 0:
		return lost
	case 1:
		return forgotten
	case 2:
		return late
	}
	return arrives
}

// round stores what senders have sent to a writer: the next ones of each, and repeats. It returns false if nothing has.
func (w *world) round(ctx context.Context, at int, m *modelWriter) bool {
	var messages []message.Message
	var texts [][]byte
	var from []*modelSender
	w.mu.Lock()
	for _, s := range w.senders {
		if s.at != at && w.rand.IntN(30) > 0 || s.next > s.last || w.rand.IntN(3) == 0 {
			continue
		}
		first := s.next
		if w.rand.IntN(4) == 0 {
			first -= min(first-1, uint64(w.rand.IntN(5)))
		}
		var seqs []uint64
		for seq := first; seq < min(s.next+1+uint64(w.rand.IntN(8)), s.last+1); seq++ {
			seqs = append(seqs, seq)
		}
		more, moreTexts := batch(s.n, seqs...)
		messages, texts = append(messages, more...), append(texts, moreTexts...)
		for range more {
			from = append(from, s)
		}
	}
	w.mu.Unlock()
	if len(messages) == 0 {
		return false
	}
	away := make(map[*modelSender]bool)
	m.Store(ctx, messages, texts, func(i int, refusal error) { //nolint:errcheck // the writer is dead then
		s := from[i]
		w.mu.Lock()
		defer w.mu.Unlock()
		switch {
		case away[s]:
		case refusal == message.ErrElsewhere:
			away[s] = true
		case refusal != nil && refusal != ErrRepeat:
			w.t.Errorf("%s/%d is refused: %v", messages[i].Sender, messages[i].Seq, refusal)
		case messages[i].Seq == s.next:
			s.next++
		}
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	for s := range away {
		s.at = w.rand.IntN(len(w.writers))
	}
	return true
}

// disturb does one thing that goes wrong.
func (w *world) disturb(working *sync.WaitGroup) {
	at := w.draw(len(w.writers))
	m := w.writers[at]
	switch w.draw(12) {
	case 0, 1, 2:
		if m.killed = w.draw(3) > 0; m.killed {
			m.line.cut(true)
		}
		m.stop()
		w.move(at)
		w.start(at, working)
	case 3, 4:
		m.line.freeze()
		w.move(at)
		thaw := time.Duration(w.draw(20_000)) * time.Millisecond
		working.Go(func() {
			time.Sleep(thaw)
			m.line.thaw()
		})
	case 5:
		m.line.cut(false)
	case 6, 7, 8:
		w.move(at)
	default:
		errs := []*kerr.Error{kerr.NotEnoughReplicas, kerr.NotEnoughReplicasAfterAppend, kerr.RequestTimedOut, kerr.NotLeaderForPartition,
			kerr.CoordinatorLoadInProgress, kerr.ConcurrentTransactions, kerr.InvalidProducerEpoch, kerr.UnknownServerError}
		w.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce, kmsg.EndTxn, kmsg.InitProducerID, kmsg.AddPartitionsToTxn},
			Err: errs[w.draw(len(errs))], Count: 1 + w.draw(8)})
	}
}

// move lets the senders of a writer connect to others.
func (w *world) move(at int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.senders {
		if s.at == at && w.rand.IntN(3) > 0 {
			s.at = w.rand.IntN(len(w.writers))
		}
	}
}

// check fails unless every message is stored once, and those of a sender in their order.
func (w *world) check() {
	w.t.Helper()
	next := make(map[string]uint64)
	for _, texts := range w.committed("data") {
		for _, text := range texts {
			n, seq, _ := strings.Cut(text, "/")
			if next[n]++; seq != fmt.Sprint(next[n]) {
				w.t.Fatalf("sender %s: %s is stored where %d is due", n, seq, next[n])
			}
		}
	}
	for _, s := range w.senders {
		if got := next[fmt.Sprint(s.n)]; got != s.last {
			w.t.Errorf("sender %d: %d messages of %d are stored", s.n, got, s.last)
		}
	}
}

func (w *world) done() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !slices.ContainsFunc(w.senders, func(s *modelSender) bool { return s.next <= s.last })
}

// run lets a minute of faults pass, and then waits until everything is stored.
func (w *world) run() {
	var working sync.WaitGroup
	for at := range w.writers {
		w.start(at, &working)
	}
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		time.Sleep(time.Duration(w.draw(3000)) * time.Millisecond)
		w.disturb(&working)
	}
	w.mu.Lock()
	w.calm = true
	w.mu.Unlock()
	for end := time.Now().Add(10 * time.Minute); !w.done(); time.Sleep(time.Second) {
		if time.Now().After(end) {
			w.t.Error("not everything is stored")
			break
		}
	}
	for _, m := range w.writers {
		m.stop()
	}
	working.Wait()
}

// Each message is stored once, and those of a sender in order, whoever is killed or frozen, and whatever gets lost.
func TestOnceModel(t *testing.T) {
	for seed := range uint64(*seeds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := rand.New(rand.NewPCG(seed, 0))
				w := &world{fake: newFake(t, 3, kfake.Ports(9092)), rand: r, writers: make([]*modelWriter, 2+r.IntN(2))}
				defer w.end()
				for n := range 1 + r.IntN(6) {
					w.senders = append(w.senders, &modelSender{n: n, next: 1, last: 100 + uint64(r.IntN(2000)), at: r.IntN(len(w.writers))})
				}
				w.run()
				w.check()
			})
		})
	}
}
