// Package severity finds the severity that a log message states in its payload: in the <PRI> that syslog
// puts first (RFC 3164, RFC 5424), or in a key of a JSON object, as rsyslog's templates and the usual
// logging libraries write it. If several keys state one, the highest row of this table counts, and within a row
// the key that comes first in the object:
//
//	severity, severity_text, severityText, severity_label   Google Cloud, OpenTelemetry, Logstash, rsyslog templates
//	level_name, levelname, loglevel, log_level, log.level,  Monolog, Python, ECS, which may nest the level in "log",
//	log{level}, @level, @l, lvl                             hclog, Serilog
//	level; levelno                                          logrus, zap, slog, zerolog, GELF, pino, bunyan; Python
//	priority, syslogseverity, syslogseverity-text,          journald, syslog-ng, rsyslog's properties and jsonmesg,
//	syslogpriority, syslogpriority-text                     their older names
//	pri-text, pri                                           rsyslog's properties
//
// What the program says thus precedes what its transport says, and a name precedes a number that libraries use
// differently. The order of the keys, which JSON does not define, hardly matters.
//
// Case does not matter in keys and names, nor do spaces around a value. A value is a number, or a string with a number
// or a name in it: emerg, emergency, panic; alert; crit, critical, fatal, dpanic; err, error, severe; warn, warning;
// notice; info, informational, information; debug, trace, verbose. Level takes the numbers of pino and bunyan (10 to
// 60) and Monolog (100 to 600), too, and levelno those of Python alone (10 to 50).
//
// The live page does the same in its severity.js. testdata/severities.json, at the top of the repository, is the table
// that the tests of both read.
//
// Nothing here allocates, or looks beyond the first 4 KiB of a payload.
package severity

import (
	"bytes"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/object"
)

// Severity is a syslog severity (RFC 5424, table 2): 0 is the most urgent, 7 the least.
type Severity uint8

const (
	Emerg Severity = iota
	Alert
	Crit
	Err
	Warning
	Notice
	Info
	Debug
)

// String returns the severity as rsyslog's syslogseverity-text has it.
func (s Severity) String() string {
	switch s {
	case Emerg:
		return "emerg"
	case Alert:
		return "alert"
	case Crit:
		return "crit"
	case Err:
		return "err"
	case Warning:
		return "warning"
	case Notice:
		return "notice"
	case Info:
		return "info"
	case Debug:
		return "debug"
	}
	return "invalid"
}

const (
	// maxLook is how many bytes of a payload are looked at.
	maxLook = 4096
	// maxPRI is the largest <PRI>: facility 23, severity 7.
	maxPRI = 191
)

// Of returns the severity that payload states: that of the <PRI> it begins with, or of the key of a JSON object that
// counts most. A byte order mark may precede both, white space and rsyslog's "@cee:" the object. Of an object that is
// cut off, malformed or longer than 4 KiB, the keys before that place count. Nested values are skipped and not checked.
func Of(payload []byte) (Severity, bool) {
	b := bytes.TrimPrefix(payload, []byte("\ufeff"))
	b = b[:min(len(b), maxLook)]
	if len(b) > 0 && b[0] == '<' {
		return ofPRI(b)
	}
	return ofObject(object.Of(b))
}

// ofObject goes through the top-level keys of an object, for the one that counts most.
func ofObject(m object.Members) (Severity, bool) {
	best, found := silent, Severity(0)
	for best != program && m.Next() {
		if r, s := field(m.Key, m.Value); r < best {
			best, found = r, s
		}
	}
	return found, best != silent
}

// ofLog is what ECS states in an object of the name log.
func ofLog(b []byte) (Severity, bool) {
	if b[0] != '{' {
		return 0, false
	}
	var lower [maxWord]byte
	for m := object.Of(b); m.Next(); {
		if string(fold(&lower, m.Key)) == "level" {
			if s, ok := stated(m.Value, plain); ok {
				return s, true
			}
		}
	}
	return 0, false
}

// ofPRI reads "<", one to three digits, ">". Like rsyslog and journald, it accepts leading zeros.
func ofPRI(b []byte) (Severity, bool) {
	end := digitsEnd(b, 1)
	if end >= len(b) || b[end] != '>' {
		return 0, false
	}
	n, ok := number(b[1:end])
	if !ok || n > maxPRI {
		return 0, false
	}
	return Severity(n & 7), true
}

// number reads one to three digits.
func number(b []byte) (int, bool) {
	if len(b) < 1 || len(b) > 3 || digitsEnd(b, 0) != len(b) {
		return 0, false
	}
	n := 0
	for _, c := range b {
		n = 10*n + int(c-'0')
	}
	return n, true
}

func digitsEnd(b []byte, i int) int {
	for i < len(b) && '0' <= b[i] && b[i] <= '9' {
		i++
	}
	return i
}
