package terminal

import (
	"cmp"
	"slices"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

const (
	// MaxTopics is the number of topics that Rates counts separately.
	MaxTopics = 10_000
	// maxTopic is how many bytes of a topic Rates keeps: topics that do not differ in them count as one.
	maxTopic = 256
	// forgetAfter is how long a topic may be silent before Rates forgets it.
	forgetAfter = 5 * time.Minute
	// shortest is the shortest time that a rate is computed over.
	shortest = 100 * time.Millisecond
)

// Rates counts messages and payload bytes by topic. One goroutine uses it.
type Rates struct {
	all, other counter // other: topics beyond MaxTopics
	topics     map[string]*counter
	known      uint64 // topics ever added
	missed     uint64
	last       time.Time  // when the rates were computed
	sorted     []*counter // the busiest first
	scratch    []byte
}

// counter counts a topic's messages and bytes since Rates.last, and in total its messages since the start.
type counter struct {
	topic           string
	messages, bytes uint64
	total           uint64
	rate, byteRate  float64
	seen            time.Time // when it last had messages
}

// TopicCount is a topic and its number of messages. The topic is not escaped and not safe to print.
type TopicCount struct {
	Topic    string
	Messages uint64
}

// NewRates returns Rates that count from start.
func NewRates(start time.Time) *Rates {
	return &Rates{topics: map[string]*counter{}, last: start}
}

// Add counts a message of size payload bytes. topic is empty if there is none, and is not retained. Add
// allocates only for a new topic.
func (r *Rates) Add(topic []byte, size int) {
	topic = message.Cut(topic, maxTopic)
	c := r.topics[string(topic)]
	switch {
	case c != nil:
	case len(r.topics) >= MaxTopics:
		c = &r.other
	default:
		c = &counter{topic: string(topic), seen: r.last}
		r.topics[c.topic] = c
		r.known++
	}
	c.add(size)
	r.all.add(size)
}

func (c *counter) add(size int) {
	c.messages++
	c.total++
	c.bytes += uint64(size)
}

// SetMissed sets how many messages are known to have been missed so far.
func (r *Rates) SetMissed(total uint64) {
	r.missed = total
}

// Topics returns how many topics there were. A topic that was forgotten and came back counts again; topics
// beyond MaxTopics do not count.
func (r *Rates) Topics() uint64 {
	return r.known
}

// Top returns the n topics with the most messages, the busiest first. Forgotten topics are not among them.
func (r *Rates) Top(n int) []TopicCount {
	top := make([]TopicCount, 0, len(r.topics))
	for _, c := range r.topics {
		top = append(top, TopicCount{c.topic, c.total})
	}
	slices.SortFunc(top, func(a, b TopicCount) int {
		return cmp.Or(cmp.Compare(b.Messages, a.Messages), cmp.Compare(a.Topic, b.Topic))
	})
	return top[:min(max(n, 0), len(top))]
}

// update computes the rates since its last call, forgets silent topics and sorts the others. If that was
// only a moment ago, as when the terminal's size has changed, the rates stay and the counting goes on.
func (r *Rates) update(now time.Time) {
	elapsed := now.Sub(r.last)
	if elapsed >= shortest {
		r.last = now
		r.all.update(now, elapsed)
		r.other.update(now, elapsed)
		for topic, c := range r.topics {
			if c.update(now, elapsed); now.Sub(c.seen) >= forgetAfter {
				delete(r.topics, topic)
			}
		}
	}
	clear(r.sorted)
	r.sorted = r.sorted[:0]
	for _, c := range r.topics {
		r.sorted = append(r.sorted, c)
	}
	if r.other.total > 0 {
		r.sorted = append(r.sorted, &r.other)
	}
	slices.SortFunc(r.sorted, busier)
}

// busier orders counters by their rates, then by their totals.
func busier(a, b *counter) int {
	if a.rate != b.rate {
		return cmp.Compare(b.rate, a.rate)
	}
	if a.total != b.total {
		return cmp.Compare(b.total, a.total)
	}
	return cmp.Compare(a.topic, b.topic)
}

func (c *counter) update(now time.Time, elapsed time.Duration) {
	if c.messages > 0 {
		c.seen = now
	}
	c.rate = float64(c.messages) / elapsed.Seconds()
	c.byteRate = float64(c.bytes) / elapsed.Seconds()
	c.messages, c.bytes = 0, 0
}
