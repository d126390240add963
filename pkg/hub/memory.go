package hub

import (
	"bytes"
	"cmp"
	"container/list"
	"slices"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// memory holds the newest messages of each topic, which is a message's first frame. If they exceed the limit
// together, the oldest of all topics are forgotten.
type memory struct {
	perTopic int
	limit    int // bytes
	bytes    int
	topics   map[string]*topic
	all      list.List // of *remembered, oldest first
	last     uint64    // the newest message's number
}

// topic is a ring of messages.
type topic struct {
	name   string
	recent []*remembered // at most memory.perTopic
	oldest int           // index of the oldest
}

// remembered is one message.
type remembered struct {
	topic *topic
	place *list.Element // in memory.all
	seq   uint64
	bytes []byte // all frames
	ends  []int  // ends[i] is where frame i ends in bytes
}

// Roughly what topics and messages cost in addition to their bytes.
const (
	topicCost   = 256
	messageCost = 256
)

func newMemory(perTopic, limit int) *memory {
	return &memory{perTopic: perTopic, limit: limit, topics: make(map[string]*topic)}
}

// add remembers the messages of a batch. It reuses the memory of the messages that they replace.
func (m *memory) add(b *zmq.Batch) {
	for i := range b.Len() {
		frames := b.Frames(i)
		t := m.topics[string(frames[0])]
		if t == nil {
			t = &topic{name: string(frames[0])}
			m.topics[t.name] = t
			m.bytes += len(t.name) + topicCost
		}
		r := m.place(t)
		m.bytes -= r.cost()
		r.makeRoom(frames)
		for _, f := range frames {
			r.bytes = append(r.bytes, f...)
			r.ends = append(r.ends, len(r.bytes))
		}
		m.bytes += r.cost()
		m.last++
		r.seq = m.last
		for m.bytes > m.limit && m.all.Len() > 0 {
			m.forget(m.all.Front().Value.(*remembered))
		}
	}
}

// place returns where a topic's next message goes: a new place, or that of the topic's oldest message.
func (m *memory) place(t *topic) *remembered {
	if len(t.recent) < m.perTopic {
		r := &remembered{topic: t}
		r.place = m.all.PushBack(r)
		t.recent = append(t.recent, r)
		m.bytes += r.cost()
		return r
	}
	r := t.recent[t.oldest]
	t.oldest = (t.oldest + 1) % len(t.recent)
	m.all.MoveToBack(r.place)
	return r
}

// makeRoom empties r for a message of these frames. It reuses r's memory unless that is far too large: a
// place that has held one long message must not stay that large forever.
func (r *remembered) makeRoom(frames [][]byte) {
	size := 0
	for _, f := range frames {
		size += len(f)
	}
	r.bytes, r.ends = sized(r.bytes, size), sized(r.ends, len(frames))
}

// sized returns an empty slice with room for n elements and not for many more: s, or a new one.
func sized[E any](s []E, n int) []E {
	if cap(s) < n || cap(s) > 4*n+16 {
		return make([]E, 0, n)
	}
	return s[:0]
}

// forget removes the oldest message of all, which is also its topic's oldest.
func (m *memory) forget(r *remembered) {
	t := r.topic
	if t.oldest > 0 {
		t.recent, t.oldest = slices.Concat(t.recent[t.oldest:], t.recent[:t.oldest]), 0
	}
	if t.recent = slices.Delete(t.recent, 0, 1); cap(t.recent) > 4*len(t.recent)+16 {
		t.recent = slices.Clone(t.recent)
	}
	m.all.Remove(r.place)
	m.bytes -= r.cost()
	if len(t.recent) == 0 {
		delete(m.topics, t.name)
		m.bytes -= len(t.name) + topicCost
	}
}

// find returns the messages of the topics that begin with prefix and that asked accepts, in the order in
// which they arrived.
func (m *memory) find(asked func(topic []byte) bool, prefix []byte) (found []*remembered) {
	for name, t := range m.topics {
		if subject := []byte(name); bytes.HasPrefix(subject, prefix) && asked(subject) {
			found = append(found, t.recent...)
		}
	}
	slices.SortFunc(found, bySeq)
	return found
}

func bySeq(a, b *remembered) int { return cmp.Compare(a.seq, b.seq) }

func (r *remembered) cost() int { return messageCost + cap(r.bytes) + 8*cap(r.ends) }

// frames returns the message's frames, which share the memory's bytes.
func (r *remembered) frames() (frames [][]byte) {
	from := 0
	for _, end := range r.ends {
		frames = append(frames, r.bytes[from:end])
		from = end
	}
	return frames
}

// newest returns the last of the messages, as many as fit into size bytes on the wire; at least one if size
// is positive.
func newest(messages []*remembered, size int) []*remembered {
	from := len(messages)
	for ; from > 0 && size > 0; from-- {
		if size -= messages[from-1].wire(); size < 0 && from < len(messages) {
			break
		}
	}
	return messages[from:]
}

// wire returns the most bytes that the message can have on the wire.
func (r *remembered) wire() int { return len(r.bytes) + 9*len(r.ends) }
