package message

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Topics is where the topic of a line comes from and how it is sent. The zero value sends no topic. If both
// Name and ByDelimiter are set, ByDelimiter wins.
type Topics struct {
	Name        []byte // a constant topic; empty: none
	Delimiter   byte   // with ByDelimiter: the byte between topic and payload, part of neither
	ByDelimiter bool   // the topic is each line's text before Delimiter
	Inline      bool   // topic and payload in one frame
}

// Split divides a line into topic and payload. Both are borrowed, from Name or line. found is false only if
// the line lacks its delimiter: it is then all payload, with an empty topic.
func (t *Topics) Split(line []byte) (topic, payload []byte, found bool) {
	if !t.ByDelimiter {
		return t.Name, line, true
	}
	i := bytes.IndexByte(line, t.Delimiter)
	if i < 0 {
		return nil, line, false
	}
	return line[:i], line[i+1:], true
}

// AppendFrames appends the frames that a plain (not acknowledged) message of this line consists of:
//
//	no topic            [payload]
//	a topic             [topic] [payload]
//	a topic and Inline  [topic payload]
//
// An inline frame is the topic with the payload directly after it, as with omczmq's topicframe="off":
// neither a space nor the delimiter is between them, and a subscription to the topic still matches.
//
// The frames borrow from line, Name and scratch. An inline frame is built at the end of scratch, which is
// returned for the next line. Reuse it as scratch[:0] when the frames are no longer needed. found is that of
// Split.
func (t *Topics) AppendFrames(frames [][]byte, scratch, line []byte) (_ [][]byte, _ []byte, found bool) {
	if !t.ByDelimiter && len(t.Name) == 0 {
		return append(frames, line), scratch, true
	}
	topic, payload, found := t.Split(line)
	switch {
	case !t.Inline:
		return append(frames, topic, payload), scratch, found
	case len(topic) == 0:
		return append(frames, payload), scratch, found
	}
	from := len(scratch)
	scratch = append(append(scratch, topic...), payload...)
	return append(frames, scratch[from:len(scratch):len(scratch)]), scratch, found
}

// ParseDelimiter reads the value of --topic-delimiter: one byte as it is, or \t, \\ or \xHH. A line
// feed is refused, because it ends the line.
func ParseDelimiter(value string) (byte, error) {
	c, err := parseByte(value)
	if err == nil && c == '\n' {
		err = errors.New("a line feed ends the line and cannot be inside it")
	}
	if err != nil {
		return 0, fmt.Errorf("topic delimiter %q: %w; write one byte, such as a space, or \\t, \\\\ or \\xHH", value, err)
	}
	return c, nil
}

func parseByte(value string) (byte, error) {
	digits, isHex := strings.CutPrefix(value, `\x`)
	switch {
	case value == "":
		return 0, errors.New("it is empty")
	case len(value) == 1 && value != `\`:
		return value[0], nil
	case value == `\t`:
		return '\t', nil
	case value == `\n`:
		return '\n', nil
	case value == `\\`:
		return '\\', nil
	case isHex:
		n, err := strconv.ParseUint(digits, 16, 8)
		if err != nil || len(digits) != 2 {
			return 0, errors.New(`\x takes two hexadecimal digits`)
		}
		return byte(n), nil
	case value[0] == '\\':
		return 0, errors.New("unknown escape")
	}
	return 0, fmt.Errorf("it is %d bytes long", len(value))
}
