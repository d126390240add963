package tap

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap/taptest"
)

// However many readers take nothing, since whatever time, what waits for them is not much more than the bound. Each
// learns how many messages it has missed, and gets the rest in order.
func TestWaitingMessagesAreBounded(t *testing.T) {
	const bound, readers = 1 << 20, 50
	source, s := taptest.New(t), New(0)
	if more := s.Bound(bound); more != bound {
		t.Errorf("%d bytes in addition to the history", more)
	}
	b := source.Batch([]string{"t", strings.Repeat("x", 1000)}, []string{"u", strings.Repeat("y", 1000)})
	var all []*Reader
	used := inUse(func() {
		for range readers {
			r := s.Join(Interest{Queue: 1000, QueueBytes: bound})
			t.Cleanup(r.Close)
			all = append(all, r)
			for range 60 {
				s.Publish(b)
			}
		}
	})
	if used > 2*bound {
		t.Errorf("%d bytes are in use", used)
	}
	missed := s.counters.Missed
	for i, r := range all {
		due := s.last - uint64(i)*120
		next, n := s.last-due+1, uint64(0)
		for _, d := range r.Take(nil) {
			missed -= d.Missed
			next, n = next+d.Missed, n+d.Missed
			for j := range d.Messages {
				if d.Messages[j].ID != next {
					t.Fatalf("reader %d: message %d where %d is due", i, d.Messages[j].ID, next)
				}
				next, n = next+1, n+1
			}
		}
		if n != due {
			t.Errorf("reader %d has an account of %d messages, of %d", i, n, due)
		}
	}
	if missed != 0 {
		t.Errorf("%d more are counted as missed", missed)
	}
}

// The window is at least the history, so that nothing is given up that a reader has just recalled.
func TestRecalledMessagesStay(t *testing.T) {
	source, s := taptest.New(t), New(5<<20)
	if more := s.Bound(1 << 20); more != 0 {
		t.Errorf("%d bytes in addition to the history", more)
	}
	b := source.Batch([]string{"t", strings.Repeat("x", 1000)})
	for range 1000 {
		s.Publish(b)
	}
	r := s.Join(Interest{Last: 1000, Queue: 1000, QueueBytes: 4 << 20})
	defer r.Close()
	for range 100 {
		s.Publish(b)
	}
	n := 0
	for _, d := range r.Take(nil) {
		n += len(d.Messages)
	}
	if n != 1100 {
		t.Errorf("%d of 1100 messages", n)
	}
}

// Whether a reader takes everything or a little at a time, in any order of events, its account is complete.
func TestTakingPortions(t *testing.T) {
	source := taptest.New(t)
	b := source.Batch([]string{"t", strings.Repeat("x", 500)}, []string{"t", "y"})
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		s := New(random.IntN(2) * 20_000)
		s.Bound(10_000 + random.IntN(40_000))
		for range random.IntN(20) {
			s.Publish(b)
		}
		start := s.last
		last := random.IntN(10)
		r := s.Join(Interest{Last: last, Queue: 1 + random.IntN(30), QueueBytes: 1 + random.IntN(20_000)})
		next, gaps, reported := uint64(0), 0, 0
		take := func(deliveries []Delivery) {
			for _, d := range deliveries {
				if d.Gap != nil {
					gaps++
				}
				next += d.Missed
				for i := range d.Messages {
					if next == 0 || d.Messages[i].ID <= start {
						next = d.Messages[i].ID
					} else if next = max(next, start) + 1; d.Messages[i].ID != next {
						t.Fatalf("seed %d: message %d where %d is due", seed, d.Messages[i].ID, next)
					}
				}
			}
		}
		for range 100 {
			switch random.IntN(4) {
			case 0:
				take(r.TakeSome(nil, random.IntN(5000)))
			case 1:
				if random.IntN(5) == 0 {
					take(r.Take(nil))
				}
			case 2:
				if random.IntN(10) == 0 {
					s.Report(Gap{Reason: "test"})
					reported++
				}
			default:
				s.Publish(b)
			}
		}
		take(r.Take(nil))
		r.mu.Lock()
		if max(next, start) != s.last && last == 0 || r.count != 0 || r.bytes != 0 || (reported > 0) != (gaps > 0) {
			t.Errorf("seed %d: %d of %d, %d gaps of %d, %d messages and %d bytes are counted", seed, next, s.last, gaps, reported, r.count, r.bytes)
		}
		r.mu.Unlock()
		r.Close()
	}
}
