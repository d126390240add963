// Package recording is the form in which zmqtap record keeps a stream, and zmqtap replay reads it: lines of JSON, one
// for each message, as message.AppendJSON writes them (zmqtap --json prints more keys), and one for each place where
// messages are missing.
//
//	{"topic":"sshd/web1/","message":"<86>1 …","received":"2026-01-02T03:04:05.123456Z"}
//	{"gap":{"count":12,"publisher":"tcp://web1:5558","reason":"…"},"received":"2026-01-02T03:04:06.000001Z"}
//
// All frames of a message are there, byte for byte. The lines may be compressed. They are then written in portions,
// each of which is a whole gzip member or Zstandard frame: gzip and zstd decompress such a file up to the last
// portion, also while it grows, and whatever ended the writing.
package recording

import (
	"encoding/json"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

// Entry is what one line says.
type Entry struct {
	Message message.Message // topic, frames, payload and time of reception; unless there is a gap
	Gap     *Gap            // nil: the line is a message
}

// Gap is a place where messages are missing.
type Gap struct {
	Count     uint64    `json:"count,omitempty"`     // 0: unknown
	Publisher string    `json:"publisher,omitempty"` // the endpoint of the publisher that has dropped them; "": unknown
	Reason    string    `json:"reason"`
	Received  time.Time `json:"-"` // when it was noticed
}

// Time returns when the message came or the gap was noticed; zero: that is unknown.
func (e *Entry) Time() time.Time {
	if e.Gap != nil {
		return e.Gap.Received
	}
	return e.Message.Received
}

// Subject returns the message's first frame, which subscriptions are compared with.
func (e *Entry) Subject() []byte {
	if e.Message.HasTopic {
		return e.Message.Topic
	}
	return e.Message.Payload
}

// Size returns the number of bytes in all frames of the message.
func (e *Entry) Size() int {
	n := len(e.Message.Topic) + len(e.Message.Payload)
	for _, f := range e.Message.Frames {
		n += len(f)
	}
	return n
}

// AppendMessage appends the line of a message.
func AppendMessage(dst []byte, m *message.Message) []byte {
	return append(message.AppendJSON(dst, &message.Message{
		Topic: m.Topic, HasTopic: m.HasTopic, Frames: m.Frames, Payload: m.Payload, Received: m.Received,
	}), '\n')
}

// AppendGap appends the line of a gap.
func AppendGap(dst []byte, g *Gap) []byte {
	text, err := json.Marshal(struct {
		Gap      *Gap   `json:"gap"`
		Received string `json:"received"`
	}{g, g.Received.In(time.UTC).Format(message.ReceivedLayout)})
	if err != nil {
		return dst // impossible: these types can be marshalled
	}
	return append(append(dst, text...), '\n')
}
