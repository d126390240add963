// Package tap is the live view into a stream: messages from ZeroMQ go to any number of readers, each of which takes
// what it wants at its own pace. A reader that is too slow misses messages, which are counted for it; it delays
// neither the other readers nor the publisher.
//
//	sockets ─► Stream ─► Reader, Reader, …        Publish never waits
//	              └────► history, from which a late reader gets the newest messages
package tap

import (
	"math"
	"sync"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/prefix"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// Gap is a place in the stream where messages were lost before they arrived here.
type Gap struct {
	Publisher string    // its endpoint; "": unknown
	Count     uint64    // of the messages; 0: unknown
	Before    bool      // they were lost before the publisher, a hub, got them
	Reason    string    // one line
	Time      time.Time // when it was reported
}

// Stream distributes messages to readers. Its methods may be called from any goroutine.
type Stream struct {
	mu       sync.Mutex
	index    prefix.Index[*Reader]
	readers  map[*Reader]bool
	history  history
	window   window
	last     uint64 // the newest message's ID
	counters Counters
}

// Counters are the totals of a stream.
type Counters struct {
	Received uint64 // messages
	Bytes    uint64 // of all their frames
	Gone     uint64 // messages that publishers have reported as dropped
	Missed   uint64 // messages that readers were too slow for, the sum over all readers
}

// New returns a stream that remembers the newest messages in roughly history bytes; 0: none.
func New(history int) *Stream {
	s := &Stream{readers: make(map[*Reader]bool)}
	s.history.limit = history
	return s
}

// Publish copies the messages of a batch and gives them to all readers that want them. It does not block.
func (s *Stream) Publish(b *zmq.Batch) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	reuse := s.reuses()
	for from := s.refuse(b, 0); from < b.Len(); from = s.refuse(b, from) {
		var messages []Message
		var in *parcel
		messages, in, from = group(b, from, s.last+1, now, reuse)
		s.last += uint64(len(messages))
		s.counters.Received += uint64(len(messages))
		cost := 0
		for i := range messages {
			s.counters.Bytes += uint64(messages[i].size())
			cost += messages[i].cost()
		}
		s.distribute(messages, in)
		s.history.add(messages, cost)
		if floor, moved := s.window.published(s.last, cost); moved {
			for r := range s.readers {
				s.counters.Missed += r.giveUp(floor)
			}
		}
	}
}

// refuse counts the messages of a batch, beginning with message from, that need not be copied: nothing is remembered,
// and no reader that wants them has room for them. A reader that is far too slow thus costs little. It returns the
// index of the message after them.
func (s *Stream) refuse(b *zmq.Batch, from int) (end int) {
	end = from
	for s.history.limit == 0 && end < b.Len() {
		begin, group := end, s.index.Of(b.Frames(end)[0])
		for _, r := range group.Members {
			if !r.full() {
				return end
			}
		}
		for end < b.Len() && s.index.Of(b.Frames(end)[0]) == group {
			for _, f := range b.Frames(end) {
				s.counters.Bytes += uint64(len(f))
			}
			end++
		}
		n := uint64(end - begin)
		s.last += n
		s.counters.Received += n
		for _, r := range group.Members {
			s.counters.Missed += n
			r.miss(n)
		}
	}
	return end
}

// distribute offers the messages to the readers that want them. A run of messages for the same readers is
// offered as one. A parcel that they are in goes with them, unless several deliveries share it.
func (s *Stream) distribute(messages []Message, in *parcel) {
	for len(messages) > 0 {
		group, end := s.index.Of(messages[0].subject()), 1
		for end < len(messages) && s.index.Of(messages[end].subject()) == group {
			end++
		}
		if end < len(messages) {
			in = nil
		}
		for _, r := range group.Members {
			s.counters.Missed += r.offer(messages[:end], in)
		}
		messages = messages[end:]
	}
}

// subject returns the first frame, which subscriptions are compared with.
func (m *Message) subject() []byte {
	if m.Topic == nil {
		return m.Payload
	}
	return m.Topic
}

// Report adds a gap to the stream, for every reader.
func (s *Stream) Report(g Gap) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counters.Gone = Sum(s.counters.Gone, g.Count)
	s.history.report(g, s.last)
	for r := range s.readers {
		r.report(g)
	}
}

// Counters returns the totals.
func (s *Stream) Counters() Counters {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counters
}

// Readers returns the number of readers.
func (s *Stream) Readers() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.readers)
}

// and merges a gap with a later one: the later one's time and reason, the publisher if it is the same, and
// the sum if both counts are known.
func (g *Gap) and(later Gap) Gap {
	if later.Publisher != g.Publisher {
		later.Publisher = ""
	}
	later.Before = later.Before && g.Before
	if later.Count > 0 && g.Count > 0 {
		later.Count = Sum(later.Count, g.Count)
	} else {
		later.Count = 0
	}
	return later
}

// Sum is a + b, or the largest number: publishers report any.
func Sum(a, b uint64) uint64 { return a + min(b, math.MaxUint64-a) }

// String describes the gap in one line.
func (g *Gap) String() string {
	text := g.Reason
	if g.Count > 0 {
		text = message.Count(g.Count, "message is missing here: ", "messages are missing here: ") + g.Reason
	}
	if g.Publisher != "" {
		text = g.Publisher + ": " + text
	}
	return text
}
