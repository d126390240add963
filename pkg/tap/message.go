package tap

import (
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

// JSON is the message as one line of JSON without a terminator, as message.AppendJSON writes it. It is made once for all who ask. Not to
// be modified.
func (m *Message) JSON() []byte {
	if made := m.json.Load(); made != nil {
		return *made
	}
	as := m.Message()
	made := message.AppendJSON(make([]byte, 0, m.size()+64), &as)
	m.json.Store(&made)
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

// messageCost is the memory that a message takes besides its frames and their JSON.
const messageCost = 160

// cost is the memory of a message, roughly, with its JSON.
func (m *Message) cost() int { return messageCost + 3*m.size() }

// group copies messages of a batch, from from on, into memory of their own, and returns them and how far it came.
func group(b *zmq.Batch, from int, firstID uint64, now time.Time) ([]Message, int) {
	end, size := from, 0
	for end < b.Len() && end < from+groupSize && (end == from || size < maxShared) {
		for _, f := range b.Frames(end) {
			size += len(f)
		}
		end++
	}
	messages, bytes := make([]Message, end-from), make([]byte, 0, size)
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
			for _, f := range frames[1:last] {
				m.Frames = append(m.Frames, own(f))
			}
		}
		m.ID, m.Payload, m.Received = firstID+uint64(i), own(frames[last]), now
	}
	return messages, end
}
