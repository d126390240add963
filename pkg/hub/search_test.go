package hub

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap/taptest"
)

// topicsAndNumbers are count messages of topics in turn, numbered from first on.
func topicsAndNumbers(first, count, topics int) (messages [][]string) {
	for i := first; i < first+count; i++ {
		messages = append(messages, []string{fmt.Sprintf("t%06d", i%topics), fmt.Sprint(i)})
	}
	return messages
}

func always([]byte) bool { return true }

// Publishers wait for a search no longer than a step takes, however many topics there are: 100,000 here.
func TestSearchTakesSteps(t *testing.T) {
	const topics = 100_000
	source, m := taptest.New(t), newMemory(1, 1<<30)
	source.Give(m.add, topicsAndNumbers(0, topics, topics)...)
	for prefix, want := range map[string]int{"": topics, "t05": 10_000, "t012345": 1, "u": 0} {
		looked, most := 0, 0
		s := &search{prefix: []byte(prefix), until: m.last, wanted: func([]byte) bool { looked++; return true }}
		for more := true; more; {
			before := looked + len(s.found)
			more = s.step(m)
			most = max(most, looked+len(s.found)-before)
		}
		if len(s.found) != want || looked != want || most > maxStep {
			t.Errorf("%q: %d messages of %d topics, %d in one step; there are %d", prefix, len(s.found), looked, most, want)
		}
	}
}

// What a search finds stays as it is while messages replace what is remembered, and no message between two of a
// topic is left out.
func TestSearchWhileMessagesArrive(t *testing.T) {
	const topics, perTopic, round = 100, 50, 3000
	source, m := taptest.New(t), newMemory(perTopic, 1<<30)
	source.Give(m.add, topicsAndNumbers(0, 10_000, topics)...)
	next := 10_000
	s := &search{until: m.pin(), wanted: always}
	for more := true; more; next += round {
		more = s.step(m)
		source.Give(m.add, topicsAndNumbers(next, round, topics)...)
	}
	last := make(map[string]int)
	for _, r := range s.found {
		frames := r.frames()
		var n int
		if _, err := fmt.Sscan(string(frames[1]), &n); err != nil || r.seq != uint64(n)+1 || r.seq > s.until {
			t.Fatalf("message %d is %q", r.seq, bytes.Join(frames, []byte("|")))
		}
		if before, known := last[r.topic.name]; known && n != before+topics {
			t.Fatalf("%s: %d follows %d", r.topic.name, n, before)
		}
		last[r.topic.name] = n
	}
	for topic, n := range last {
		if n+topics < int(s.until) {
			t.Errorf("%s ends with %d of %d", topic, n, s.until)
		}
	}
	checkMemory(t, m)
}

// What it costs to remember a message does not depend on how many are remembered. With a cost in proportion, the ratio
// would be that of the numbers, 500.
func TestMemoryCostDoesNotGrow(t *testing.T) {
	const few, many, most = 400, 200_000, 50
	fastest := func(messages int) time.Duration {
		m := newMemory(1<<30, messages*(messageCost+40))
		source := taptest.New(t)
		b := source.Batch(topicsAndNumbers(0, 100, 1)...)
		defer b.Release()
		for m.count < messages/2 || m.bytes < m.limit-1000 {
			m.add(b)
		}
		best := time.Hour
		for range 200 {
			began := time.Now()
			m.add(b)
			best = min(best, time.Since(began))
		}
		return best
	}
	if a, b := fastest(few), fastest(many); b > most*a {
		t.Errorf("100 messages take %v among %d, and %v among %d", a, few, b, many)
	}
}

// While the memory is pinned it lists what arrives, even if it is forgotten at once.
func TestArrivals(t *testing.T) {
	source, m := taptest.New(t), newMemory(3, 1<<20)
	give := func(first, count int) { source.Give(m.add, topicsAndNumbers(first, count, 4)...) }
	give(0, 10)
	if until := m.pin(); until != 10 || len(m.arrivals()) > 0 {
		t.Errorf("pinned at %d", until)
	}
	for _, round := range []struct{ first, count int }{{10, 100}, {110, 1}, {111, 0}} {
		give(round.first, round.count)
		arrived := m.arrivals()
		for i, r := range arrived {
			if string(r.frames()[1]) != fmt.Sprint(round.first+i) {
				t.Errorf("after %d, message %d is %q", round.first, i, r.frames())
			}
		}
		if len(arrived) != round.count {
			t.Errorf("%d messages arrived, %d are listed", round.count, len(arrived))
		}
	}
	m.unpin()
	if give(111, 10); m.arrived != nil {
		t.Error("what arrives is listed for nobody")
	}
}

func TestNewest(t *testing.T) {
	var messages []*remembered
	for _, size := range []int{100, 1, 1000, 10, 1} {
		messages = append(messages, &remembered{bytes: make([]byte, size)})
	}
	for _, test := range []struct{ size, want int }{
		{2000, 5}, {1012, 4}, {1011, 3}, {1010, 2}, {11, 2}, {10, 1}, {1, 1}, {0, 0}, {-1, 0},
	} {
		if got := newest(messages, test.size); len(got) != test.want || (len(got) > 0 && got[len(got)-1] != messages[4]) {
			t.Errorf("%d messages in %d bytes", len(got), test.size)
		}
	}
}

// A subscription does not begin in the step in which much that arrived is given.
func TestBeginTakesSteps(t *testing.T) {
	source, m := taptest.New(t), newMemory(3, 1<<20)
	h, applied, looked := &Hub{memory: m}, 0, 0
	never := func([]byte) bool { looked++; return false }
	m.pin()
	source.Give(m.add, topicsAndNumbers(0, maxStep+1, 4)...)
	if h.begin(nil, never, func() { applied++ }) || applied > 0 || looked != maxStep+1 {
		t.Errorf("it has begun: %d, after %d messages", applied, looked)
	}
	source.Give(m.add, topicsAndNumbers(0, maxStep, 4)...)
	if !h.begin(nil, never, func() { applied++ }) || applied != 1 || m.pinned {
		t.Errorf("it has not begun: %d, %v", applied, m.pinned)
	}
}
