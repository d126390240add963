package syslog

import (
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/object"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/severity"
)

// AppendJSON appends m as message.AppendJSON does, and then, in the same object, what its payload says of itself. Each
// of these keys is there only if the payload has it, in this order:
//
//	time                     RFC 3339 with microseconds at most, in the zone that it has in the payload
//	host, program, pid       strings
//	facility, severity       rsyslog's names, such as local0 and err
//	text                     Line.Text, unless it is all of the payload
//	structured               {"id":{"name":"value"}}; of a name that occurs twice, readers of JSON see the last value
//	fields                   Line.Object
//
// Bytes in them that are not UTF-8 become U+FFFD.
func AppendJSON(dst []byte, m *message.Message) []byte {
	dst = message.AppendJSON(dst, m)
	l := Read(m.Topic, m.Payload, m.Received)
	dst = l.appendHeader(dst[:len(dst)-1])
	if len(l.Text) < len(m.Payload) {
		dst = appendMember(dst, `,"text":"`, l.Text)
	}
	if l.Structured != nil {
		dst = appendStructured(append(dst, `,"structured":{`...), l.Structured)
	}
	if l.Object != nil {
		dst = object.AppendLine(append(dst, `,"fields":`...), l.Object)
	}
	return append(dst, '}')
}

func (l *Line) appendHeader(dst []byte) []byte {
	if !l.Time.IsZero() {
		dst = l.Time.Truncate(time.Microsecond).AppendFormat(append(dst, `,"time":"`...), time.RFC3339Nano)
		dst = append(dst, '"')
	}
	if l.Host != nil {
		dst = appendMember(dst, `,"host":"`, l.Host)
	}
	if l.Program != nil {
		dst = appendMember(dst, `,"program":"`, l.Program)
	}
	if l.PID != nil {
		dst = appendMember(dst, `,"pid":"`, l.PID)
	}
	if l.Facility >= 0 {
		dst = append(append(append(dst, `,"facility":"`...), FacilityName(l.Facility)...), '"')
	}
	if l.Severity >= 0 {
		dst = append(append(append(dst, `,"severity":"`...), severity.Severity(l.Severity).String()...), '"')
	}
	return dst
}

// appendMember appends a string after what precedes it.
func appendMember(dst []byte, before string, value []byte) []byte {
	return append(message.AppendCharacters(append(dst, before...), value), '"')
}

// appendStructured appends the members of an object of objects, and its end.
func appendStructured(dst, structured []byte) []byte {
	var plain [256]byte // of a value; longer ones are allocated
	for p, comma := ParamsOf(structured), ""; p.Next(); comma = "," {
		if p.First {
			if comma != "" {
				comma = "},"
			}
			dst = append(appendMember(append(dst, comma...), `"`, p.ID), `:{`...)
			comma = ""
		}
		if p.Name != nil {
			dst = appendMember(append(dst, comma...), `"`, p.Name)
			dst = appendMember(dst, `:"`, AppendValue(plain[:0], p.Value))
		}
	}
	return append(dst, `}}`...)
}
