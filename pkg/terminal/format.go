package terminal

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/object"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/syslog"
)

// Format is what is written of each message: text, and fields in braces.
type Format struct{ parts []part }

// part is a text, and the field that follows it.
type part struct {
	text  string
	field string // "": none
}

// fieldNames are the fields of a Format.
var fieldNames = []string{"time", "date", "timestamp", "received", "host", "program", "pid", "facility", "severity",
	"text", "topic", "message", "msgid", "structured", "fields"}

// FieldNames returns the fields that a Format may have.
func FieldNames() []string { return fieldNames }

// ParseFormat reads a format such as "{time} {host} {text}". {{ and }} are braces, \t is a tab.
func ParseFormat(text string) (*Format, error) {
	f, p := &Format{}, part{}
	for rest := text; rest != ""; {
		n := strings.IndexAny(rest, "{}\\")
		if n < 0 {
			n = len(rest)
		}
		p.text, rest = p.text+rest[:n], rest[n:]
		switch {
		case rest == "":
		case strings.HasPrefix(rest, "{{"), strings.HasPrefix(rest, "}}"), strings.HasPrefix(rest, `\\`):
			p.text, rest = p.text+rest[:1], rest[2:]
		case strings.HasPrefix(rest, `\t`):
			p.text, rest = p.text+"\t", rest[2:]
		case rest[0] == '{':
			name, after, found := strings.Cut(rest[1:], "}")
			if !found || !slices.Contains(fieldNames, name) {
				return nil, fmt.Errorf("%q is no field: write one of {%s}; {{ is a brace", rest[:1]+name, strings.Join(fieldNames, "} {"))
			}
			p.field, rest = name, after
			f.parts, p = append(f.parts, p), part{}
		default:
			return nil, fmt.Errorf("%q: write it twice, {{, }} or \\\\, if it is to be printed; \\t is a tab", rest[:1])
		}
	}
	if f.parts = append(f.parts, p); strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
		return nil, errors.New("a message is one line: leave control characters out; \\t is a tab")
	}
	return f, nil
}

// appendFormat appends a message as the format says. A field that it does not have is a minus.
func (p *Printer) appendFormat(dst []byte, m *message.Message, l *syslog.Line) []byte {
	for _, part := range p.Format.parts {
		if dst = append(dst, part.text...); part.field != "" {
			from := len(dst)
			if dst = p.appendField(dst, part.field, m, l); len(dst) == from {
				dst = append(dst, '-')
			}
		}
	}
	return dst
}

func (p *Printer) appendField(dst []byte, name string, m *message.Message, l *syslog.Line) []byte {
	switch name {
	case "time":
		return p.appendTime(dst, timeOf(m, l), timeLayout)
	case "date":
		return p.appendTime(dst, timeOf(m, l), dateLayout)
	case "timestamp":
		return p.appendTime(dst, timeOf(m, l), message.ReceivedLayout)
	case "received":
		return p.appendTime(dst, m.Received, message.ReceivedLayout)
	case "program":
		return p.appendName(dst, l.Program)
	case "topic":
		return p.appendName(dst, m.Topic)
	case "facility":
		return append(dst, syslog.FacilityName(l.Facility)...)
	case "severity":
		if l.Severity < 0 {
			return dst
		}
		return p.appendColored(dst, severityWords[l.Severity], l.Severity)
	case "text":
		return p.appendTextOf(dst, l)
	case "message":
		return p.appendText(dst, bytes.TrimRight(m.Payload, "\r\n"))
	case "fields":
		p.text = object.AppendLine(p.text[:0], l.Object)
		return message.AppendSafe(dst, p.text, false)
	}
	return message.AppendSafe(dst, verbatim(name, l), false)
}

// verbatim returns a field that is shown as it is in the line.
func verbatim(name string, l *syslog.Line) []byte {
	switch name {
	case "host":
		return l.Host
	case "pid":
		return l.PID
	case "msgid":
		return l.MessageID
	case "structured":
		return l.Structured
	}
	return nil
}

func (p *Printer) appendTime(dst []byte, t time.Time, layout string) []byte {
	if t.IsZero() {
		return dst
	}
	return p.clock.in(t).AppendFormat(dst, layout)
}

// appendName appends a program or topic in its colour.
func (p *Printer) appendName(dst, name []byte) []byte {
	if !p.Color || len(name) == 0 {
		return message.AppendSafe(dst, name, false)
	}
	return append(message.AppendSafe(append(dst, colorOf(name)...), name, false), reset...)
}
