package tap

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"weak"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap/taptest"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// The history holds the newest messages without a hole, and exceeds its limit by no more than one group.
func TestHistoryIsBounded(t *testing.T) {
	const limit = 200_000
	s, source, random := New(limit), taptest.New(t), rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var messages [][]string
		for range 1 + random.IntN(100) {
			size := random.IntN(300)
			if random.IntN(100) == 0 {
				size = random.IntN(2 * limit)
			}
			messages = append(messages, []string{"topic", "", strings.Repeat("x", size)})
		}
		source.Give(s.Publish, messages...)
		checkHistory(t, s)
	}
}

func checkHistory(t *testing.T, s *Stream) {
	t.Helper()
	h, sum, next := &s.history, 0, s.last
	for m := range h.backwards() {
		sum += m[0].cost()
		if m[0].ID != next || len(m) != 1 || cap(m) != 1 {
			t.Fatalf("message %d where %d is due", m[0].ID, next)
		}
		next--
	}
	if sum != h.bytes || (sum > h.limit && len(h.groups) > 1) || len(h.costs) != len(h.groups) {
		t.Fatalf("%d bytes in %d groups, counted as %d, at most %d", sum, len(h.groups), h.bytes, h.limit)
	}
	if first := next + 1; h.forgotten(0, s.last) != first-1 || h.forgotten(s.last, s.last) != 0 {
		t.Fatalf("the first is %d, and %d are forgotten", first, h.forgotten(0, s.last))
	}
}

// inUse returns how many more bytes of memory are in use after f has run.
func inUse(f func()) int {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	f()
	runtime.GC()
	runtime.ReadMemStats(&after)
	return int(after.HeapAlloc) - int(before.HeapAlloc)
}

// The history counts the memory that its messages use, with their JSON, whatever they look like.
func TestCostIsTrue(t *testing.T) {
	const limit = 2 << 20
	many := make([]string, 1000)
	tests := map[string][]string{
		"small":              {"s"},
		"usual":              {"auth.info.sshd", strings.Repeat("word ", 40)},
		"syslog":             {"<86>1 2026-10-11T22:14:15.003123+02:00 web1.example.com sshd 42 ID47 [a@1 x=\"1\" y=\"2\"] Failed"},
		"an object":          {`{"time":"2026-10-11T22:14:15.123456789+02:00","level":"INFO","msg":"request done","path":"/","status":200}`},
		"a long object":      {`{"msg":"` + strings.Repeat(`a \" quote `, 100) + `"}`},
		"empty":              {"", ""},
		"frames":             many,
		"a few frames":       many[:5],
		"binary":             {"", strings.Repeat("\xff", 100)},
		"control characters": {strings.Repeat("\x01", 100)},
		"long":               {strings.Repeat("\x01", 100_000)},
		"quotes":             {strings.Repeat(`"`, 1000)},
	}
	for name, frames := range tests {
		t.Run(name, func(t *testing.T) {
			source, s := taptest.New(t), New(limit)
			messages := [][]string{frames, frames, frames, frames}
			if name == "long" || name == "frames" { // one is a batch
				messages = messages[:1]
			}
			b := source.Batch(messages...)
			used := inUse(func() {
				for first := uint64(1); first == 1; first = s.history.groups[0][0].ID { // until a message is forgotten
					s.Publish(b)
				}
				for m := range s.history.backwards() {
					m[0].JSON()
				}
			})
			if used > limit+limit/4 {
				t.Errorf("%d bytes are used where %d are counted", used, s.history.bytes)
			}
			runtime.KeepAlive(s)
		})
	}
}

// A reader that takes nothing retains the messages in its queue, but not those that arrived beside them.
func TestQueueKeepsNoNeighbours(t *testing.T) {
	const n, large = 200, 100_000
	source, s := taptest.New(t), New(0)
	r := s.Join(Interest{Topics: []string{"small"}, Queue: 1000, QueueBytes: 1 << 20})
	defer r.Close()
	b := source.Batch([]string{"small", "1"}, []string{"large", strings.Repeat("x", large)}, []string{"small", "2"})
	used := inUse(func() {
		for range n {
			s.Publish(b)
		}
	})
	if len(r.queue) != 2*n || used > n*large/10 {
		t.Errorf("%d deliveries retain %d bytes", len(r.queue), used)
	}
}

// A closed reader retains nothing, even if no later message has its topics.
func TestClosedReaderKeepsNothing(t *testing.T) {
	source, s := taptest.New(t), New(0)
	other := s.Join(Interest{Topics: []string{"rare"}, Queue: 1})
	defer other.Close()
	var gone []weak.Pointer[Reader]
	queued := func() (messages []weak.Pointer[Message]) {
		var readers []*Reader
		for range 10 {
			readers = append(readers, s.Join(Interest{Queue: 100, QueueBytes: 1 << 20}))
			gone = append(gone, weak.Make(readers[len(readers)-1]))
		}
		source.Give(s.Publish, []string{"rare", "1"}, []string{"2"})
		s.Report(Gap{})
		for i := range readers[0].queue {
			if m := readers[0].queue[i].Messages; len(m) > 0 {
				messages = append(messages, weak.Make(&m[0]))
			}
		}
		for _, r := range readers {
			r.Close()
		}
		return messages
	}()
	other.Take(nil)
	if len(queued) == 0 || len(s.readers) != 1 {
		t.Fatalf("%d deliveries, %d readers", len(queued), len(s.readers))
	}
	taptest.Eventually(t, "the messages to go", func() bool {
		runtime.GC()
		for _, m := range queued {
			if m.Value() != nil {
				return false
			}
		}
		return true
	})
	source.Give(s.Publish, []string{"rare", "1"}, []string{"2"}) // replaces the groups that the index has cached
	taptest.Eventually(t, "the readers to go", func() bool {
		runtime.GC()
		return !slices.ContainsFunc(gone, func(r weak.Pointer[Reader]) bool { return r.Value() != nil })
	})
	runtime.KeepAlive(s)
}

// Publishing costs a few allocations per group of messages, however many readers there are.
func TestPublishAllocates(t *testing.T) {
	source := taptest.New(t)
	var messages, large, three [][]string
	for i := range groupSize {
		messages = append(messages, []string{"auth.info", fmt.Sprint("message ", i)})
		three = append(three, []string{"auth.info", "more", "and more", fmt.Sprint("message ", i)})
		large = append(large, []string{"auth.info", strings.Repeat("x", maxShared/4)})
	}
	for _, readers := range []int{0, 1, 100} {
		for name, test := range map[string]struct {
			batch *zmq.Batch
			most  float64
		}{
			"one":    {source.Batch(messages[:1]...), 2},
			"group":  {source.Batch(messages...), 2},
			"frames": {source.Batch(three...), 3},
			"large":  {source.Batch(large...), 2 * (groupSize/3 + 1)},
		} {
			s := New(1 << 20)
			var all []*Reader
			for i := range readers {
				topics := [][]string{nil, {"auth"}, {"mail"}}[i%3]
				all = append(all, s.Join(Interest{Topics: topics, Queue: 100, QueueBytes: 1 << 30}))
			}
			var taken []Delivery
			publish := func() {
				s.Publish(test.batch)
				for _, r := range all {
					taken = r.Take(taken[:0])
				}
			}
			for range 2000 { // until queues and history have grown to their full size
				publish()
			}
			if n := testing.AllocsPerRun(1000, publish); n > test.most {
				t.Errorf("%s for %d readers: %v allocations", name, readers, n)
			}
		}
	}
}

func TestJSONIsMadeOnce(t *testing.T) {
	source, s := taptest.New(t), New(1<<20)
	source.Give(s.Publish, []string{"only"}, []string{"topic", "payload"}, []string{"", ""}, []string{"t", "a", "", "p"},
		[]string{"\xff", "\r\n\x00\u2028"}, []string{strings.Repeat("\x01", 1000)})
	for m := range s.history.backwards() {
		m := &m[0]
		made := make(chan []byte)
		for range 4 {
			go func() { made <- m.JSON() }()
		}
		want := message.AppendJSON(nil, &message.Message{Topic: m.Topic, HasTopic: m.Topic != nil, Frames: m.Frames, Payload: m.Payload, Received: m.Received})
		for range 4 {
			if got := <-made; string(got) != string(want) || strings.ContainsAny(string(got), "\r\n\x00") {
				t.Errorf("JSON %s, want %s", got, want)
			}
		}
		once := len(m.Payload) < 1000
		if n := testing.AllocsPerRun(10, func() { m.JSON() }); (n == 0) != once {
			t.Errorf("%v allocations for %.60s", n, want)
		}
	}
}
