package hub

import (
	"bytes"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/prefix"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// memory holds the newest messages of each topic, which is a message's first frame. If they exceed the limit
// together, the oldest of all topics are forgotten. What it costs to remember a message does not depend on how many
// are remembered.
type memory struct {
	perTopic int
	limit    int // bytes
	bytes    int
	topics   map[string]*topic
	sorted   prefix.Map[*topic] // the same topics
	oldest   *remembered        // of all topics; the others follow it
	newest   *remembered
	count    int
	last     uint64      // the newest message's number
	spare    *remembered // forgotten, its memory is to be used again; or nil

	// While it is pinned, somebody reads messages without a lock. What is forgotten is then left to the garbage
	// collector, and its memory takes no new message.
	pinned  bool
	arrived []*remembered // since then
}

// topic is a queue of messages.
type topic struct {
	name           string
	oldest, newest *remembered
	count          int // at most memory.perTopic
}

// remembered is one message. Only its neighbours change while the memory is pinned.
type remembered struct {
	topic        *topic
	next         *remembered // the next newer one of the topic
	older, newer *remembered // its neighbours among the messages of all topics
	seq          uint64
	bytes        []byte // all frames
	ends         []int  // ends[i] is where frame i ends in bytes
}

// Roughly what topics and messages cost in addition to their bytes.
const (
	topicCost   = 512
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
			t = m.addTopic(string(frames[0]))
		}
		r := m.room(t)
		r.makeRoom(frames)
		for _, f := range frames {
			r.bytes = append(r.bytes, f...)
			r.ends = append(r.ends, len(r.bytes))
		}
		m.bytes += r.cost()
		m.last++
		r.seq = m.last
		t.push(r)
		m.link(r)
		if m.pinned {
			m.arrived = append(m.arrived, r)
		}
		for m.bytes > m.limit && m.count > 0 {
			m.forget()
		}
	}
}

func (m *memory) addTopic(name string) *topic {
	t := &topic{name: name}
	m.topics[name] = t
	m.sorted.Set([]byte(name), t)
	m.bytes += 2*len(name) + topicCost
	return t
}

// room returns what a topic's next message goes into: that of the topic's oldest message, if there are enough, or a
// forgotten one's, or new memory.
func (m *memory) room(t *topic) *remembered {
	if t.count == m.perTopic {
		m.drop(t)
	}
	r := m.spare
	if m.spare = nil; r == nil {
		r = &remembered{}
	}
	r.topic = t
	return r
}

// link makes r the newest message of all.
func (m *memory) link(r *remembered) {
	if m.count == 0 {
		m.oldest = r
	} else {
		m.newest.newer = r
	}
	r.older, r.newer, m.newest = m.newest, nil, r
	m.count++
}

// unlink takes r out of the messages of all topics.
func (m *memory) unlink(r *remembered) {
	if m.oldest == r {
		m.oldest = r.newer
	} else {
		r.older.newer = r.newer
	}
	if m.newest == r {
		m.newest = r.older
	} else {
		r.newer.older = r.older
	}
	r.older, r.newer = nil, nil
	m.count--
}

// drop removes the oldest message of a topic.
func (m *memory) drop(t *topic) {
	r := t.pop()
	m.unlink(r)
	m.bytes -= r.cost()
	if !m.pinned {
		m.spare = r
	}
}

// push makes r the topic's newest message.
func (t *topic) push(r *remembered) {
	if t.count == 0 {
		t.oldest = r
	} else {
		t.newest.next = r
	}
	r.next, t.newest = nil, r
	t.count++
}

// pop takes the topic's oldest message out.
func (t *topic) pop() *remembered {
	r := t.oldest
	t.oldest = r.next
	t.count--
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
func (m *memory) forget() {
	t := m.oldest.topic
	m.drop(t)
	if t.count == 0 {
		delete(m.topics, t.name)
		m.sorted.Delete([]byte(t.name))
		m.bytes -= 2*len(t.name) + topicCost
	}
}

// nextTopic returns the first topic, in the order of their names, that begins with prefix and comes after the name
// after; after is "" in the beginning. It returns nil if there is none.
func (m *memory) nextTopic(prefix []byte, after *topic) *topic {
	from := prefix
	if after != nil {
		from = append([]byte(after.name), 0)
	}
	t, found := m.sorted.From(from)
	if !found || !bytes.HasPrefix([]byte(t.name), prefix) {
		return nil
	}
	return t
}

// pin begins to list what arrives, and keeps what is forgotten as it is, until unpin. It returns the newest message's
// number.
func (m *memory) pin() (last uint64) {
	m.pinned = true
	return m.last
}

// arrivals returns the messages that have arrived since pin, or since the last call.
func (m *memory) arrivals() []*remembered {
	arrived := m.arrived
	m.arrived = nil
	return arrived
}

func (m *memory) unpin() { m.pinned, m.arrived = false, nil }

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

// wire returns the most bytes that the message can have on the wire.
func (r *remembered) wire() int { return len(r.bytes) + 9*len(r.ends) }
