package recording

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/object"
)

// line is a line's JSON. Other keys, such as those that zmqtap --json adds, are ignored.
type line struct {
	Topic         *string  `json:"topic"`
	TopicBase64   *[]byte  `json:"topic_base64"`
	Message       *string  `json:"message"`
	MessageBase64 *[]byte  `json:"message_base64"`
	Frames        []string `json:"frames"`
	FramesBase64  [][]byte `json:"frames_base64"`
	Gap           *Gap     `json:"gap"`
	Received      string   `json:"received"`
}

// mostFrames is how many frames a message may have: package zmq receives no more.
const mostFrames = 1024

// Parse reads a line, without its line feed. The entry borrows nothing. A message with more than most bytes in all
// frames is an error.
func Parse(text []byte, most int) (Entry, error) {
	if !utf8.Valid(text) {
		return Entry{}, errors.New("not what zmqtap record writes: it is not UTF-8")
	}
	e, ok := parseText(text)
	if !ok {
		var err error
		if e, err = parseJSON(text); err != nil {
			return Entry{}, err
		}
	}
	if n := e.Size(); n > most {
		return Entry{}, fmt.Errorf("a message of %d bytes, and the limit is %d: --max-message-size", n, most)
	}
	return e, nil
}

// parseJSON reads any line.
func parseJSON(text []byte) (Entry, error) {
	var l line
	if err := json.Unmarshal(text, &l); err != nil {
		return Entry{}, fmt.Errorf("not what zmqtap record writes: %w", err)
	}
	received, err := parseTime(l.Received)
	if err != nil {
		return Entry{}, err
	}
	if l.Gap != nil {
		l.Gap.Received = received
		return Entry{Gap: l.Gap}, nil
	}
	e := Entry{Message: message.Message{Received: received}}
	payload, found := frame(l.Message, l.MessageBase64)
	if !found {
		return Entry{}, errors.New(`not what zmqtap record writes: there is no "message", "message_base64" or "gap"`)
	}
	e.Message.Payload = payload
	e.Message.Topic, e.Message.HasTopic = frame(l.Topic, l.TopicBase64)
	if e.Message.Frames = l.FramesBase64; l.FramesBase64 == nil {
		for _, f := range l.Frames {
			e.Message.Frames = append(e.Message.Frames, []byte(f))
		}
	}
	if len(e.Message.Frames) > 0 && !e.Message.HasTopic {
		return Entry{}, errors.New(`"frames" stand between a topic and a message, and there is no "topic"`)
	}
	if n := 2 + len(e.Message.Frames); n > mostFrames {
		return Entry{}, fmt.Errorf("a message of %d frames, and the limit is %d", n, mostFrames)
	}
	return e, nil
}

// parseText reads the usual line: a message in one or two frames of text, and when it came. It reports false for any
// other: those encoding/json reads, which takes several times as long.
func parseText(text []byte) (e Entry, ok bool) {
	if object.Whole(text) != len(text) {
		return e, false
	}
	var topic, payload, received []byte
	for m := object.Of(text); m.Next(); {
		if m.Value[0] != '"' {
			return e, false
		}
		switch string(m.Key) {
		case "topic":
			topic = m.Value
		case "message":
			payload = m.Value
		case "received":
			received = m.Value[1 : len(m.Value)-1]
		default:
			return e, false
		}
	}
	if payload == nil {
		return e, false
	}
	at, err := parseTime(string(received))
	if err != nil {
		return e, false
	}
	frames := make([]byte, 0, len(topic)+len(payload))
	if topic != nil {
		if frames, ok = appendUnquoted(frames, topic); !ok {
			return e, false
		}
		e.Message.Topic, e.Message.HasTopic = frames[:len(frames):len(frames)], true
	}
	from := len(frames)
	if frames, ok = appendUnquoted(frames, payload); !ok {
		return e, false
	}
	e.Message.Payload, e.Message.Received = frames[from:], at
	return e, true
}

// appendUnquoted appends what a JSON string says.
func appendUnquoted(dst, quoted []byte) ([]byte, bool) {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return append(dst, quoted[1:len(quoted)-1]...), true
	}
	var text string
	err := json.Unmarshal(quoted, &text)
	return append(dst, text...), err == nil
}

// frame returns a frame from the form that the line has of it.
func frame(text *string, raw *[]byte) (frame []byte, found bool) {
	switch {
	case raw != nil:
		return *raw, true
	case text != nil:
		return []byte(*text), true
	}
	return nil, false
}

func parseTime(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return t, fmt.Errorf("received %.40q: not a time such as 2026-01-02T03:04:05.123456Z", text)
	}
	return t, nil
}
