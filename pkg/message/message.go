// Package message is what travels between rsyslog and ZeroMQ: the message itself, its forms as a line
// of text and as a line of JSON, and how omzmq divides a line into topic and payload.
//
// Nothing here does I/O. Every encoder appends to a slice that the caller reuses: once that has grown,
// nothing is allocated per message.
package message

import (
	"time"
	"unicode/utf8"
)

// Message is one message as a ZeroMQ socket delivered it.
//
// Its slices borrow from the receive buffer: they are read-only, and valid until the batch with the
// message is released. Copy what is needed for longer. The strings stay valid.
type Message struct {
	Topic    []byte   // the first frame, when HasTopic
	HasTopic bool     // the message had more than one frame; its topic may still be empty
	Frames   [][]byte // the frames between topic and payload; nil for the usual one or two
	Payload  []byte   // the last frame

	Peer     string    // the peer's address; "" when it has none
	User     string    // the peer's proven identity (CURVE certificate or key, PLAIN user); "" without authentication
	Sender   string    // in acknowledged delivery: the sender's id in hexadecimal digits; "": none
	Seq      uint64    // in acknowledged delivery: the message's number; 0: none
	Conn     uint64    // a number of the connection that it came over, which no other connection has; 0: not known
	Claim    *Claim    // in acknowledged delivery: who the sender is; nil: not known. Not to be modified
	Received time.Time // when it was taken from the socket; zero: not known
}

// FromFrames makes a message of its frames. A single frame is the payload. Of several, the first is the
// topic, the last the payload, and Frames holds the others. No frames give the zero Message. The result
// borrows frames and what they point to.
func FromFrames(frames [][]byte) Message {
	switch n := len(frames); n {
	case 0:
		return Message{}
	case 1:
		return Message{Payload: frames[0]}
	case 2:
		return Message{Topic: frames[0], HasTopic: true, Payload: frames[1]}
	default:
		return Message{Topic: frames[0], HasTopic: true, Frames: frames[1 : n-1], Payload: frames[n-1]}
	}
}

// Cut returns the first max bytes of line, without an incomplete UTF-8 character at their end. A line of
// at most max bytes is returned as it is. A line that is not UTF-8 before the cut is cut at exactly max.
// A negative max counts as 0. The result borrows line.
func Cut(line []byte, max int) []byte {
	if max < 0 {
		max = 0
	}
	if len(line) <= max {
		return line
	}
	for i := max - 1; i >= 0 && i > max-utf8.UTFMax; i-- {
		if !utf8.RuneStart(line[i]) {
			continue
		}
		if !utf8.FullRune(line[i:max]) && utf8.Valid(line[:i]) {
			return line[:i]
		}
		break
	}
	return line[:max]
}
