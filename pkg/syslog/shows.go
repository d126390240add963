package syslog

import (
	"bytes"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/severity"
)

// Shows reports whether a member of the line's Object says nothing but what the line's other fields say: whoever shows
// these need not show the member. Key and value are as object.Members has them. It allocates for a value with escapes.
func (l *Line) Shows(key, value []byte) bool {
	switch field, _ := meaning(key); field {
	case Time:
		return !l.Time.IsZero()
	case Host:
		return isText(value, l.Host)
	case Program:
		return isText(value, l.Program)
	case PID:
		return bytes.Equal(text(value), l.PID) && l.PID != nil
	case Program | PID:
		tag := text(value)
		return value[0] == '"' && tag != nil && bytes.Equal(programOf(tag), l.Program) && bytes.Equal(pidOf(tag), l.PID)
	case said:
		return value[0] == '"' && bytes.Equal(bytes.TrimRight(sentence(value), "\r\n"), l.Text)
	case Priority:
		if f := facility(value, len(key) > 2 && key[0]|0x20 == 'p'); f >= 0 {
			return f == l.Facility
		}
	}
	s, ok := severity.OfMember(key, value)
	return ok && int(s) == l.Severity && value[0] != '{'
}

// isText reports whether a value is a string with this text.
func isText(value, want []byte) bool {
	return want != nil && value[0] == '"' && bytes.Equal(text(value), want)
}
