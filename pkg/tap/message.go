package tap

import (
	"bytes"
	"sync/atomic"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/syslog"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// Message is one message of the stream. All readers share it; it must not be modified.
type Message struct {
	ID       uint64   // its number in the stream: 1, 2, 3, … without a hole
	Topic    []byte   // the first of several frames; nil: the message has one frame only
	Frames   [][]byte // those between topic and payload; rarely any
	Payload  []byte   // the last frame
	Received time.Time

	json atomic.Pointer[[]byte]
	pins pins
}

// Message returns the message in the form that package message encodes. It shares all memory with m.
func (m *Message) Message() message.Message {
	return message.Message{Topic: m.Topic, HasTopic: m.Topic != nil, Frames: m.Frames,
		Payload: m.Payload, Received: m.Received}
}

// JSON returns the message as one line of JSON without a terminator, as syslog.AppendJSON writes it: the payload is
// taken apart for the first reader that asks. It must not be modified. It is made once for all readers, unless it is
// much longer than the message, as with control characters: then it is made at each call, to bound the memory.
func (m *Message) JSON() []byte {
	if made := m.json.Load(); made != nil {
		return *made
	}
	var scratch [1 << 10]byte // of most messages; longer ones grow out of it
	as := m.Message()
	made := bytes.Clone(syslog.AppendJSON(scratch[:0], &as))
	if len(made) <= jsonKeys+3*m.load() {
		m.json.Store(&made)
	}
	return made
}

// size returns the number of bytes in all frames.
func (m *Message) size() int {
	n := len(m.Topic) + len(m.Payload)
	for _, f := range m.Frames {
		n += len(f)
	}
	return n
}

// Limits of a group of messages that share their memory. Sharing makes allocations few, but a reader that
// retains one message retains its whole group.
const (
	groupSize = 32      // messages
	maxShared = 8 << 10 // bytes
)

// What a message takes in addition to its bytes.
const (
	messageCost = 352 // the message itself, with its part of what a group shares, and jsonKeys
	frameCost   = 32  // each frame between topic and payload
	jsonKeys    = 160 // the keys and times in its JSON; in the rest of it, a byte of the message may be there three times
)

// load is size plus what the frames between topic and payload take, however small they are.
func (m *Message) load() int { return m.size() + frameCost*len(m.Frames) }

// cost returns roughly the memory of a message, with its JSON.
func (m *Message) cost() int { return messageCost + 4*m.load() }

// group copies some messages of a batch, beginning with message from, into shared memory of their own. It returns
// them and the index of the first message that it did not copy. With reuse, a group that about fills a parcel is in
// one; otherwise the parcel is nil.
func group(b *zmq.Batch, from int, firstID uint64, now time.Time, reuse bool) (_ []Message, _ *parcel, end int) {
	end, size, between := shared(b, from)
	var in *parcel
	var messages []Message
	var bytes []byte
	if reuse && between == 0 && (end-from == groupSize || size > maxShared/2) && size <= maxShared {
		in = parcels.Get().(*parcel)
		messages, bytes = in.messages[:end-from], in.bytes[:0]
	} else {
		messages, bytes = make([]Message, end-from), make([]byte, 0, size)
	}
	var lists [][]byte
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
	return messages, in, end
}

// shared returns which messages are to share their memory, those from from up to end, and how many bytes, and
// frames between topic and payload, they have together. A large message gets memory of its own: a reader that
// retains a small one retains its whole group.
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
