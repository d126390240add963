// Package message is what travels between rsyslog and ZeroMQ: the message itself, its forms as a line
// of text and as a line of JSON, and the way omzmq divides a line into topic and payload.
//
// Nothing here does I/O, and nothing here allocates per message once the caller's buffers have grown:
// every encoder appends to a slice that the caller reuses.
package message

import (
	"time"
	"unicode/utf8"
)

// Message is one message as a ZeroMQ socket delivered it.
//
// Every slice in it is borrowed from the receive buffer: it is valid until the batch that the message
// came in is released, and nobody may write to it. Who needs a part for longer copies it. The strings
// belong to the connection and stay valid.
type Message struct {
	Topic    []byte   // the first frame, when HasTopic
	HasTopic bool     // the message had more than one frame; its topic may still be empty
	Frames   [][]byte // the frames between topic and payload; nil for the usual one or two
	Payload  []byte   // the last frame

	Peer     string    // the peer's address; "" when it has none
	User     string    // whom the peer proved to be (CURVE certificate or key, PLAIN user); "" when nobody asked
	Sender   string    // in acknowledged delivery: the sender's id, in hexadecimal digits; "": none
	Seq      uint64    // and its number; 0: none
	Received time.Time // when it was taken from the socket; zero: not known
}

// FromFrames divides the frames of one message: a single frame is the payload; of several the first is
// the topic, the last the payload and the rest lie between. No frames give the zero message. The
// result borrows frames and what they point to.
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

// Cut returns the first max bytes of line, or less by an incomplete UTF-8 character at the end. A line
// of max bytes or fewer is returned as it is. What is not UTF-8 before the cut is cut at max exactly.
// The result borrows line; a negative max counts as 0.
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
