// Package tap is the live view into a stream: what comes from ZeroMQ goes to any number of readers, each of which takes
// what it wants at its own pace. A reader that is too slow misses messages, which are counted for it; it slows down
// neither the others nor what comes in.
//
//	sockets ─► Stream ─► Reader, Reader, …        Publish never waits
//	              └────► history, from which a late reader gets the last messages
package tap

import (
	"fmt"
	"sync"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/prefix"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// Gap is something that is missing in the stream before it came here.
type Gap struct {
	Publisher string    // the endpoint
	Count     uint64    // how many messages; 0: nobody knows
	Reason    string    // one line
	Time      time.Time // when it was heard of
}

// Stream gives messages to readers. Its methods may be called from any goroutine.
type Stream struct {
	mu       sync.Mutex
	index    prefix.Index[*Reader]
	readers  map[*Reader]bool
	history  history
	last     uint64 // the newest message's ID
	counters Counters
}

// Counters are the totals of a stream.
type Counters struct {
	Received uint64 // messages
	Bytes    uint64 // of all their frames
	Gone     uint64 // messages that publishers have said to be missing
	Missed   uint64 // messages that readers were too slow for, added up
}

// New makes a stream that remembers so many bytes of what was published last, roughly; 0: nothing.
func New(history int) *Stream {
	s := &Stream{readers: make(map[*Reader]bool)}
	s.history.limit = history
	return s
}

// Publish gives the messages of a batch to all readers that want them. It does not block, and copies them.
func (s *Stream) Publish(b *zmq.Batch) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for from := 0; from < b.Len(); {
		var messages []Message
		messages, from = group(b, from, s.last+1, now)
		s.last += uint64(len(messages))
		s.counters.Received += uint64(len(messages))
		for i := range messages {
			s.counters.Bytes += uint64(messages[i].size())
		}
		s.distribute(messages)
		s.history.add(messages)
	}
}

// distribute gives the messages to those who want them, and all that go to the same readers at once.
func (s *Stream) distribute(messages []Message) {
	for len(messages) > 0 {
		group, end := s.index.Of(messages[0].subject()), 1
		for end < len(messages) && s.index.Of(messages[end].subject()) == group {
			end++
		}
		for _, r := range group.Members {
			s.counters.Missed += r.offer(messages[:end])
		}
		messages = messages[end:]
	}
}

// subject is what subscriptions are compared with: the first frame.
func (m *Message) subject() []byte {
	if m.Topic == nil {
		return m.Payload
	}
	return m.Topic
}

// Report tells every reader of a gap.
func (s *Stream) Report(g Gap) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counters.Gone += g.Count
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

// Readers is the number of readers.
func (s *Stream) Readers() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.readers)
}

// and is both gaps as one: a later one's time and reason, and what is true of both.
func (g *Gap) and(later Gap) Gap {
	if later.Publisher != g.Publisher {
		later.Publisher = ""
	}
	if later.Count > 0 && g.Count > 0 {
		later.Count += g.Count
	} else {
		later.Count = 0
	}
	return later
}

// String says it in a line.
func (g *Gap) String() string {
	text := g.Reason
	if g.Count > 0 {
		text = fmt.Sprintf("%d messages are missing here: %s", g.Count, g.Reason)
	}
	if g.Publisher != "" {
		text = g.Publisher + ": " + text
	}
	return text
}
