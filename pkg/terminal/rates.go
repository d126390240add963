package terminal

import (
	"cmp"
	"math"
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
	// weight is the newest second's in a smoothed rate.
	weight = 0.2
)

// Rates counts messages and payload bytes by topic, or by another field of each message. One goroutine at a time
// uses it.
type Rates struct {
	by         By
	remember   bool
	all, other counter // other: topics beyond MaxTopics
	topics     map[string]*counter
	newest     *counter // of the last message; nil if it was forgotten since
	known      uint64   // topics ever added
	missed     uint64
	last       time.Time // when the rates were computed
	seconds    uint64    // that History has had room for since the start
	rows       []*Row
	scratch    []byte
}

// counter counts a topic's messages and bytes since Rates.last.
type counter struct {
	messages, bytes uint64
	seen            time.Time // when it last had messages
	Row
}

// Row is what is known of a topic, or of another field's value, when the rates were last computed.
type Row struct {
	Key            string // not escaped and not safe to print; empty if the messages have none
	Rest           bool   // it is all those that are too many to be counted separately
	Rate, ByteRate float64
	Total          uint64   // messages since the start
	History        *History // nil unless Rates.Remember was called

	smooth, smoothBytes float64 // the rates, with less weight the older they are
	known               bool    // smooth has a value
	rank                float64 // what Order sorted it by
}

// TopicCount is a topic and its number of messages. The topic is not escaped and not safe to print.
type TopicCount struct {
	Topic    string
	Messages uint64
}

// NewRates returns Rates by topic that count from start.
func NewRates(start time.Time) *Rates { return NewRatesBy(Topic, start) }

// NewRatesBy returns Rates that count from start.
func NewRatesBy(by By, start time.Time) *Rates {
	return &Rates{by: by, topics: map[string]*counter{}, last: start, other: counter{Row: Row{Rest: true}}}
}

// Remember makes Rates keep each topic's History from now on.
func (r *Rates) Remember() { r.remember = true }

// By returns what the messages are counted by.
func (r *Rates) By() By { return r.by }

// Count is Add of a message's topic, or of the field that its messages are counted by.
func (r *Rates) Count(topic, payload []byte) { r.Add(r.by.of(topic, payload), len(payload)) }

// Add counts a message of size payload bytes. topic is empty if there is none, and is not retained. Add
// allocates only for a new topic.
func (r *Rates) Add(topic []byte, size int) {
	topic = message.Cut(topic, maxTopic)
	c := r.newest // messages of a topic often come in a row
	if c == nil || c.Key != string(topic) {
		c = r.topics[string(topic)]
	}
	switch {
	case c != nil:
	case len(r.topics) >= MaxTopics:
		c = &r.other
	default:
		c = &counter{Row: Row{Key: string(topic)}, seen: r.last}
		r.topics[c.Key] = c
		r.known++
	}
	if c.add(size); !c.Rest {
		r.newest = c
	}
	r.all.add(size)
}

func (c *counter) add(size int) {
	c.messages++
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

// More reports whether there were topics beyond MaxTopics.
func (r *Rates) More() bool { return r.other.Total+r.other.messages > 0 }

// Top returns the n topics with the most messages, the busiest first. Forgotten topics are not among them.
func (r *Rates) Top(n int) []TopicCount {
	top := make([]TopicCount, 0, len(r.topics))
	for _, c := range r.topics {
		top = append(top, TopicCount{c.Key, c.Total + c.messages})
	}
	slices.SortFunc(top, func(a, b TopicCount) int {
		return cmp.Or(cmp.Compare(b.Messages, a.Messages), cmp.Compare(a.Topic, b.Topic))
	})
	return top[:min(max(n, 0), len(top))]
}

// Update computes the rates since its last call and forgets silent topics. If that was only a moment ago, the rates
// stay and the counting goes on. It returns a row for all messages, and those of the topics in no particular order.
// Only Update changes a row, and the slice is valid until its next call.
func (r *Rates) Update(now time.Time) (all *Row, rows []*Row) {
	if elapsed := now.Sub(r.last); elapsed >= shortest {
		r.last, r.newest = now, nil
		seconds := uint64(max(1, math.Round(elapsed.Seconds())))
		r.seconds += seconds
		update := func(c *counter) { c.update(now, elapsed, r.remember, seconds) }
		update(&r.all)
		update(&r.other)
		for topic, c := range r.topics {
			if update(c); now.Sub(c.seen) >= forgetAfter {
				delete(r.topics, topic)
			}
		}
	}
	clear(r.rows)
	r.rows = r.rows[:0]
	for _, c := range r.topics {
		r.rows = append(r.rows, &c.Row)
	}
	if r.other.Total > 0 {
		r.rows = append(r.rows, &r.other.Row)
	}
	return &r.all.Row, r.rows
}

// Seconds returns how many seconds each History that is as old as the Rates covers. It is the number of the newest.
func (r *Rates) Seconds() uint64 { return r.seconds }

func (c *counter) update(now time.Time, elapsed time.Duration, remember bool, seconds uint64) {
	if c.messages > 0 {
		c.seen = now
	}
	c.Total += c.messages
	c.Rate = float64(c.messages) / elapsed.Seconds()
	c.ByteRate = float64(c.bytes) / elapsed.Seconds()
	c.messages, c.bytes = 0, 0
	if !remember {
		return
	}
	if c.History == nil {
		c.History = &History{}
	}
	c.History.push(float32(c.Rate), seconds)
	if !c.known {
		c.smooth, c.smoothBytes, c.known = c.Rate, c.ByteRate, true
	}
	c.smooth += (c.Rate - c.smooth) * weight
	c.smoothBytes += (c.ByteRate - c.smoothBytes) * weight
}

// Clone returns a copy that Update does not change.
func (r *Row) Clone() *Row {
	c := *r
	if r.History != nil {
		h := *r.History
		c.History = &h
	}
	return &c
}
