package tap

import (
	"bytes"
	"sync/atomic"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// Message is one message of the stream. All readers share it: nobody writes to it.
type Message struct {
	ID       uint64   // its place in the stream; the first one is 1, and none is left out
	Topic    []byte   // the first of several frames; nil: there was only one
	Frames   [][]byte // those between topic and payload; seldom any
	Payload  []byte   // the last frame
	Received time.Time

	json atomic.Pointer[[]byte]
}

// Message is the message as the encoders of package message take it; it borrows everything.
func (m *Message) Message() message.Message {
	return message.Message{Topic: m.Topic, HasTopic: m.Topic != nil, Frames: m.Frames, Payload: m.Payload, Received: m.Received}
}

// JSON is the message as one line of JSON without a terminator, as message.AppendJSON writes it. It is made once for all who ask, unless
// it is much longer than the message, as that of control characters is: then it is not kept. Not to be modified.
func (m *Message) JSON() []byte {
	if made := m.json.Load(); made != nil {
		return *made
	}
	as := m.Message()
	made := message.AppendJSON(make([]byte, 0, m.load()+jsonKeys), &as)
	if cap(made) > len(made)+len(made)/4 {
		made = bytes.Clone(made)
	}
	if len(made) <= jsonKeys+2*m.load() {
		m.json.Store(&made)
	}
	return made
}

// size is the number of bytes of its frames.
func (m *Message) size() int {
	n := len(m.Topic) + len(m.Payload)
	for _, f := range m.Frames {
		n += len(f)
	}
	return n
}

// groupSize is how many messages share their memory: few allocations for many messages, and little that one message, kept long,
// keeps with it.
const groupSize = 32

// maxShared is the same in bytes.
const maxShared = 8 << 10

// What a message takes besides its bytes.
const (
	messageCost = 288 // by itself, with its part of what a group shares
	frameCost   = 32  // by each frame between topic and payload
	jsonKeys    = 96  // by its JSON: keys, and the time
)

// load is size with what frames take that are empty, or nearly so.
func (m *Message) load() int { return m.size() + frameCost*len(m.Frames) }

// cost is the memory of a message, roughly, with its JSON.
func (m *Message) cost() int { return messageCost + 3*m.load() }

// group copies messages of a batch, from from on, into memory of their own, and returns them and how far it came.
func group(b *zmq.Batch, from int, firstID uint64, now time.Time) ([]Message, int) {
	end, size, between := shared(b, from)
	messages, bytes, lists := make([]Message, end-from), make([]byte, 0, size), [][]byte(nil)
	if between > 0 {
		lists = make([][]byte, 0, between)
	}
	own := func(f []byte) []byte {
		at := len(bytes)
		bytes = append(bytes, f...)
		return bytes[at:len(bytes):len(bytes)]
	}
	for i := range messages {
		m, frames := &messages[i], b.Frames(from+i)
		last := len(frames) - 1
		if last > 0 {
			m.Topic = own(frames[0])
		}
		if last > 1 {
			at := len(lists)
			for _, f := range frames[1:last] {
				lists = append(lists, own(f))
			}
			m.Frames = lists[at:len(lists):len(lists)]
		}
		m.ID, m.Payload, m.Received = firstID+uint64(i), own(frames[last]), now
	}
	return messages, end
}

// shared tells which messages, from from up to end, share their memory: how many bytes, and frames between topic and payload, they have together.
// One that is large has its own: whoever keeps a small one keeps all of its group.
func shared(b *zmq.Batch, from int) (end, size, between int) {
	for load := 0; end < groupSize && from+end < b.Len(); end++ {
		frames, own := b.Frames(from+end), 0
		for _, f := range frames {
			own += len(f)
		}
		more := max(0, len(frames)-2)
		if load += own + frameCost*more; load > maxShared && end > 0 {
			break
		}
		size, between = size+own, between+more
	}
	return from + end, size, between
}
