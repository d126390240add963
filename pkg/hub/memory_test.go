package hub

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap/taptest"
)

// checkMemory recounts everything.
func checkMemory(t *testing.T, m *memory) {
	t.Helper()
	sum, count := 0, 0
	for name, topic := range m.topics {
		sum += 2*len(name) + topicCost
		if sorted, found := m.sorted.From([]byte(name)); topic.name != name || topic.count == 0 || topic.count > m.perTopic || !found || sorted != topic {
			t.Fatalf("topic %q has %d messages; sorted: %v", name, topic.count, sorted)
		}
		var before uint64
		n := 0
		for r := topic.oldest; r != nil; r = r.next {
			n++
			if sum += r.cost(); r.topic != topic || r.seq <= before || (r.next == nil && topic.newest != r) {
				t.Fatalf("topic %q: message %d is not in its place", name, r.seq)
			}
			before = r.seq
		}
		if n != topic.count {
			t.Fatalf("topic %q has %d messages, and counts %d", name, n, topic.count)
		}
		count += n
	}
	if _, found := m.sorted.From(nil); found != (len(m.topics) > 0) {
		t.Fatalf("there are %d topics; sorted: %v", len(m.topics), found)
	}
	var older *remembered
	linked := 0
	for r := m.oldest; r != nil; older, r = r, r.newer {
		if linked++; r.older != older || (older != nil && r.seq <= older.seq) {
			t.Fatalf("%d comes after %+v", r.seq, older)
		}
	}
	if m.newest != older || linked != m.count {
		t.Fatalf("%d messages are linked and %d counted; the newest is %+v, not %+v", linked, m.count, m.newest, older)
	}
	if sum != m.bytes || count != m.count || m.bytes > m.limit {
		t.Fatalf("%d bytes are counted, there are %d, at most %d; %d messages are listed, there are %d", m.bytes, sum, m.limit, m.count, count)
	}
}

// everything returns what a replay finds.
func everything(m *memory, prefix string, wanted func(topic []byte) bool) []*remembered {
	h := &Hub{memory: m}
	return h.find([][]byte{[]byte(prefix)}, m.last, wanted)
}

// published is a message that the memory was given.
type published struct{ topic, text string }

// The memory agrees with a list of all that was published: it holds the last messages of each topic, and
// nothing older than what was forgotten.
func TestMemoryAgainstAList(t *testing.T) {
	for seed := range uint64(4) {
		random, source := rand.New(rand.NewPCG(seed, 1)), taptest.New(t)
		m := newMemory(1+random.IntN(6), 5_000+random.IntN(20_000))
		var all []published
		for range 400 {
			var batch [][]string
			for range 1 + random.IntN(20) {
				frames := []string{fmt.Sprintf("%c%d", "ab"[random.IntN(2)], random.IntN(20))}
				for range random.IntN(4) {
					size := random.IntN(40)
					if random.IntN(30) == 0 {
						size = random.IntN(3000)
					}
					frames = append(frames, strings.Repeat("x", size))
				}
				frames = append(frames, fmt.Sprint(len(all)))
				batch = append(batch, frames)
				all = append(all, published{frames[0], strings.Join(frames, "|")})
			}
			m.pinned = random.IntN(2) == 0
			source.Give(m.add, batch...)
			checkMemory(t, m)
			for _, prefix := range []string{"", "a", "a1", "b19", "c"} {
				checkFound(t, m, prefix, all)
			}
		}
	}
}

func checkFound(t *testing.T, m *memory, prefix string, all []published) {
	t.Helper()
	var got, want []string
	for _, r := range everything(m, prefix, func(topic []byte) bool { return topic[len(topic)-1] != '7' }) {
		got = append(got, string(bytes.Join(r.frames(), []byte("|"))))
	}
	oldest := m.last + 1
	if m.oldest != nil {
		oldest = m.oldest.seq
	}
	counts := make(map[string]int)
	for i := len(all) - 1; i >= 0 && uint64(i)+1 >= oldest; i-- {
		if counts[all[i].topic]++; counts[all[i].topic] <= m.perTopic && strings.HasPrefix(all[i].topic, prefix) && !strings.HasSuffix(all[i].topic, "7") {
			want = append(want, all[i].text)
		}
	}
	if slices.Reverse(want); !slices.Equal(got, want) {
		t.Fatalf("%q: found %.200q, want %.200q", prefix, got, want)
	}
}

// The memory counts the bytes that it uses.
func TestMemoryCostIsTrue(t *testing.T) {
	const limit = 4 << 20
	for name, message := range map[string]func(i int) []string{
		"a topic each":    func(i int) []string { return []string{fmt.Sprint("topic", i), "x"} },
		"one topic":       func(int) []string { return []string{"topic", strings.Repeat("x", 100)} },
		"empty frames":    func(i int) []string { return make([]string, 1+i%1000) },
		"topics that end": func(i int) []string { return []string{fmt.Sprint("topic", i/1000), "x"} },
		"one long, then short": func(i int) []string {
			return []string{fmt.Sprint("topic", i%100), strings.Repeat("x", []int{20_000, 10}[min(1, i/2000)])}
		},
	} {
		t.Run(name, func(t *testing.T) {
			source, m := taptest.New(t), newMemory(1000, limit)
			for i := 0; i < 30_000; i += 1000 {
				var batch [][]string
				for j := range 1000 {
					batch = append(batch, message(i+j))
				}
				source.Give(m.add, batch...)
			}
			checkMemory(t, m)
			counted, with := m.bytes, heap()
			runtime.KeepAlive(m)
			m = nil
			if used := with - heap(); used > limit+limit/4 {
				t.Errorf("%d bytes are used where %d are counted", used, counted)
			}
		})
	}
}

// heap returns the bytes in use.
func heap() int {
	var stats runtime.MemStats
	runtime.GC()
	runtime.GC() // pools are emptied by the second
	runtime.ReadMemStats(&stats)
	return int(stats.HeapAlloc)
}

// The memory of a long message is released with it, and does not reduce the room for later messages.
func TestMemoryOfALongMessage(t *testing.T) {
	const n = 50
	source, m := taptest.New(t), newMemory(n, 1<<20)
	for i := range 10 * n {
		size := 10
		if i%n == i/n { // one long message at a time, each in another place
			size = 100_000
		}
		source.Give(m.add, []string{"t", strings.Repeat("x", size)})
	}
	if m.count != n || m.bytes > 400_000 {
		t.Errorf("%d messages are remembered, %d bytes", m.count, m.bytes)
	}
}

// A message larger than the memory is not remembered, and leaves nothing behind.
func TestMemoryOfTooMuch(t *testing.T) {
	source, m := taptest.New(t), newMemory(3, 1000)
	source.Give(m.add, []string{"a", "1"}, []string{"b", strings.Repeat("x", 2000)})
	checkMemory(t, m)
	if m.count != 0 || m.bytes != 0 || len(m.topics) != 0 {
		t.Errorf("%d messages, %d bytes", m.count, m.bytes)
	}
	source.Give(m.add, []string{"a", "2"})
	if found := everything(m, "", func([]byte) bool { return true }); len(found) != 1 || m.count != 1 {
		t.Errorf("%d found", len(found))
	}
}

// Once all places are taken, remembering allocates nothing.
func TestMemoryAllocates(t *testing.T) {
	source, m := taptest.New(t), newMemory(10, 1<<20)
	var messages [][]string
	for i := range 20 {
		messages = append(messages, []string{fmt.Sprint("topic", i%4), fmt.Sprint("message ", i)})
	}
	b := source.Batch(messages...)
	for range 10 {
		m.add(b)
	}
	if n := testing.AllocsPerRun(100, func() { m.add(b) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
