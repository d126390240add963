// Package object reads the members of a JSON object (RFC 8259) one by one, in place, as far as its caller wants.
//
// It is for log messages, of which a few top-level members matter. What is nested is skipped and not checked. An
// object that is cut off or malformed has the members before that place. The time is linear in the bytes read, however
// deep they nest, and nothing is allocated.
package object

import "bytes"

// Members is a position in an object. The zero value is at the end.
type Members struct {
	Key   []byte // without its quotes; escapes are as in the text
	Value []byte // as in the text, strings with their quotes; never empty

	b []byte
	i int
}

// Of returns the members of the object that payload begins with, as In finds it. There are none if there is no object.
// Keys and values will borrow payload.
func Of(payload []byte) Members {
	b := In(payload)
	if b == nil {
		return Members{}
	}
	return Members{b: b, i: spaceEnd(b, 1)}
}

// In returns what begins with the brace of an object; nil if payload does not begin with one. A byte order mark, white
// space and rsyslog's "@cee:" may precede it.
func In(payload []byte) []byte {
	b := payload
	if len(b) > 0 && b[0] == 0xef { // most payloads have none, and bytes.TrimPrefix is a call
		b = bytes.TrimPrefix(b, []byte("\ufeff"))
	}
	b = b[spaceEnd(b, 0):]
	const cookie = "@cee:"
	if len(b) > len(cookie) && string(b[:len(cookie)]) == cookie {
		b = b[spaceEnd(b, len(cookie)):]
	}
	if len(b) == 0 || b[0] != '{' {
		return nil
	}
	return b
}

// Next moves on to a member, the first one at first, and reports whether there is one.
func (m *Members) Next() bool {
	if m.i >= len(m.b) {
		return false
	}
	var next int
	if m.Key, m.Value, next = member(m.b, m.i); next == malformed {
		m.i = len(m.b)
		return false
	}
	m.i = next
	return true
}
