package terminal

import (
	"bytes"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/severity"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/syslog"
)

// says reports whether a topic says something that the line does not: it has a part, between what separates
// parts, that is neither the line's host (or the first part of it), program, PID, facility nor severity.
func says(topic []byte, l *syslog.Line) bool {
	if usual(topic, l) {
		return false
	}
	for {
		for len(topic) > 0 && separates(topic[0]) {
			topic = topic[1:]
		}
		if len(topic) == 0 {
			return false
		}
		n := max(known(topic, l.Host), known(topic, l.Program), known(topic, l.PID))
		if n == 0 {
			n = wordOf(topic, l)
		}
		if n == 0 {
			return true
		}
		topic = topic[n:]
	}
}

// usual reports whether a topic is facility.severity.program, as in rsyslog.d/30-omzmq-publish.conf. Such topics are
// almost all that there are, and says would take a tenth of the time that a line takes.
func usual(topic []byte, l *syslog.Line) bool {
	if l.Facility < 0 || l.Severity < 0 {
		return false
	}
	facility, severity := syslog.FacilityName(l.Facility), severity.Severity(l.Severity).String()
	n := len(facility) + 1 + len(severity) + 1
	return len(topic) == n+len(l.Program) && string(topic[:len(facility)]) == facility &&
		topic[len(facility)] == '.' && topic[n-1] == '.' &&
		string(topic[len(facility)+1:n-1]) == severity && bytes.Equal(topic[n:], l.Program)
}

func separates(c byte) bool { return c == '.' || c == '/' || c == ':' || c == '|' }

// known returns the length of a value that the topic begins with, 0 if it does not. A value, such as a host, may have
// separators in it.
func known(topic, value []byte) int {
	n := len(value)
	if n == 0 || n > len(topic) || topic[n-1]|0x20 != value[n-1]|0x20 || !bytes.EqualFold(topic[:n], value) {
		return 0 // the last letters differ most often
	}
	if n < len(topic) && !separates(topic[n]) {
		return 0
	}
	return n
}

// wordOf returns the length of the topic's first part if it is the line's facility or severity, or the first part of
// its host; otherwise 0.
func wordOf(topic []byte, l *syslog.Line) int {
	n := 0
	for n < len(topic) && !separates(topic[n]) {
		n++
	}
	word := topic[:n]
	if l.Facility >= 0 && string(word) == syslog.FacilityName(l.Facility) {
		return n
	}
	if l.Severity >= 0 {
		s := severity.Severity(l.Severity)
		if string(word) == s.String() { // as rsyslog has it
			return n
		}
		if other, ok := severity.OfName(word); ok && other == s {
			return n
		}
	}
	if first, _, more := bytes.Cut(l.Host, []byte(".")); more && bytes.EqualFold(word, first) {
		return n
	}
	return 0
}
