package syslog

import (
	"bytes"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/object"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/severity"
)

// Line is all that a payload says. Its slices borrow the payload, as a rule, and are nil if there is no such part.
type Line struct {
	Header
	MessageID  []byte // RFC 5424's MSGID
	Structured []byte // RFC 5424's STRUCTURED-DATA, as written: see Params
	Text       []byte // what is left for people; of a payload of no known form, all of it
	Object     []byte // the JSON object that the text is, or holds after "@cee:": see object.Whole
}

// Read reads all of a payload. The header is that of Parse; a severity that it does not have is that of the topic
// (severity.OfTopic) or of the text (severity.OfText).
//
// The text begins after the header, and after the space that the header ends with or the byte order mark that RFC 5424
// has there. It ends before line feeds at the end of the payload. If it is a JSON object of no more than 64 KiB, the
// text is what the object says: the string that one of these keys has, the first row first. An object with none of them
// is itself the text.
//
//	msg, message, @message, @m, short_message, textPayload   most loggers, journald, hclog, CLEF, GELF, Google Cloud
//	event, body, log, @mt, text, full_message                structlog, OpenTelemetry, Docker
func Read(topic, payload []byte, received time.Time) (l Line) {
	l.Facility, l.Severity = -1, -1
	payload = cutBOM(payload)
	line := payload[:min(len(payload), maxLook)]
	form, rest := l.header(line, received, All)
	rest = payload[len(line)-len(rest):]
	for len(rest) > 0 && (rest[len(rest)-1] == '\n' || rest[len(rest)-1] == '\r') {
		rest = rest[:len(rest)-1]
	}
	switch form {
	case ofRFC5424:
		l.readText(l.afterPROCID(rest), received, 0)
	case ofObject:
		l.readText(rest, received, All)
	default:
		l.readText(rest, received, 0)
	}
	if l.Severity < 0 {
		l.guessSeverity(topic, line)
	}
	return l
}

// readText reads what follows a header. The wanted fields are read in it, if it is a JSON object.
func (l *Line) readText(text []byte, received time.Time, want Fields) {
	l.Text = text
	b := object.In(text)
	if b == nil {
		return
	}
	b = b[:min(len(b), maxLook)]
	if n := object.Whole(b); n > 0 && len(bytes.TrimRight(text[len(text)-len(b)+n:], " \t")) == 0 {
		l.Object, l.Text, want = b[:n:n], b[:n:n], want|said
	}
	if want == 0 {
		return
	}
	if text := l.object(b, received, want); text != nil {
		l.Text = bytes.TrimRight(text, "\r\n")
	}
}

// guessSeverity takes the severity from the topic or the text. A level may follow the time in what is left of a line.
func (l *Line) guessSeverity(topic, line []byte) {
	s, ok := severity.OfTopic(topic)
	if !ok && l.Object == nil {
		if s, ok = severity.OfText(l.Text); !ok && len(l.Text) < len(line) {
			s, ok = severity.OfText(line)
		}
	}
	if ok {
		l.Severity = int(s)
	}
}
