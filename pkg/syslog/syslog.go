// Package syslog reads what a log line says: when it was logged, on which host, by which program, how urgent it is, its
// structured data, and the text that is left for people. It knows these forms:
//
//	<PRI>1 TIME HOST APP-NAME PROCID …    RFC 5424; "-" is an absent field
//	<PRI>Mmm dd hh:mm:ss HOST TAG text    RFC 3164, and rsyslog's RSYSLOG_TraditionalForwardFormat
//	<PRI>TIME HOST TAG text               rsyslog's RSYSLOG_ForwardFormat; TIME is of RFC 3339
//	{"timereported": …, "hostname": …}    a JSON object, perhaps after rsyslog's "@cee:"
//
// A <PRI> may precede each of them, or be missing: rsyslog writes its files without one (RSYSLOG_FileFormat,
// RSYSLOG_TraditionalFileFormat). A byte order mark may precede all. Of a line of none of these forms, nothing but the
// PRI is known, and the rest is text. What follows the time in a line without a PRI may also be what a logger or a
// container runtime has written: see unlike.
//
// What is a host and what a tag is decided as rsyslog's parsers do (pmrfc5424.c, pmrfc3164.c), with the devices' habits
// that they know: a year in the time, a colon or a fraction after it, no host. A program and a PID are divided as
// rsyslog's %programname% and %procid% (msg.c). Where this package differs, testdata/headers.json and testdata/lines
// have the line and the reason; rsyslogd itself is asked by tests in integration/.
//
// github.com/leodido/go-syslog/v4 reads the two RFCs, but not what devices make of them, such as Cisco's year in the
// time. It took 4.5 µs and 16 allocations for a line of RFC 5424 with structured data where Read took 0.2 µs and none.
//
// Case does not matter in the keys of a JSON object. Of the keys of a field, the highest row counts that has a readable
// value, and the first one within a row:
//
//	Time      timereported, timestamp, @timestamp, time, ts, @t, asctime, eventtime
//	          timegenerated, __realtime_timestamp
//	Host      hostname, _hostname
//	          host
//	          fromhost
//	Program   programname, program, app-name, appname, app_name
//	          syslogtag, tag, syslog_identifier
//	          _comm, sourcename
//	PID       procid, pid, syslog_pid, _pid, processid
//	          syslogtag, tag
//	Facility  syslogfacility, syslogfacility-text, facility, syslog_facility
//	          pri, pri-text
//	Severity  see package severity
//
// These are rsyslog's properties, the names of journald's fields, and what loggers use. A time there has one of the
// forms above, or is RFC 3339 with the liberties that loggers take, or the time since 1970 in a unit that its length
// tells.
//
// Nothing is allocated, except for a value of a JSON object that has escapes in it. No more than the first 64 KiB of a
// line are read, each byte a few times at most.
package syslog

import (
	"bytes"
	"time"
)

const (
	// maxLook is how many bytes of a line are looked at.
	maxLook = 64 << 10
	// maxField is the largest length of a host, a program or a PID: that of a host in RFC 5424.
	maxField = 255
	// maxTag is where rsyslog cuts a tag (CONF_TAG_MAXSIZE).
	maxTag = 510
	// maxPRI is the largest <PRI>: facility 23, severity 7.
	maxPRI = 191
)

// Header is what a line says of itself. Its slices borrow the line, as a rule, and are nil if a field is absent, or
// longer than 255 bytes.
type Header struct {
	Time     time.Time // in the zone that it has, otherwise in that of the time of reception; zero if there is none
	Host     []byte
	Program  []byte // without PID; "postfix/smtpd" of a tag is "postfix", as in rsyslog's %programname%
	PID      []byte // any text: RFC 5424's PROCID
	Facility int    // 0 (kern) to 23 (local7), -1 if unknown
	Severity int    // 0 (emerg) to 7 (debug), -1 if unknown; the same as that of package severity
}

// Fields is a set of the fields of a Header.
type Fields uint

const (
	Time Fields = 1 << iota
	Host
	Program
	PID
	Priority // facility and severity
	said     // what a JSON object says, which is no field

	All = Time | Host | Program | PID | Priority
)

// Parse reads all of a line's header. received is when the line was received: a time without a year is in the year that
// makes it nearest to that; one without a zone is in its location. If received is zero, the former is not readable.
func Parse(line []byte, received time.Time) Header { return ParseOnly(line, received, All) }

// ParseOnly is Parse for some fields, and cheaper. The others are absent.
func ParseOnly(line []byte, received time.Time, want Fields) (h Header) {
	h.Facility, h.Severity = -1, -1
	if f, rest := h.header(looked(line), received, want); f == ofObject {
		h.object(rest, received, want)
	}
	return h
}

// looked returns what is looked at of a line: it begins after a byte order mark.
func looked(line []byte) []byte {
	line = cutBOM(line)
	return line[:min(len(line), maxLook)]
}

// cutBOM returns b without the byte order mark that it may begin with.
func cutBOM(b []byte) []byte {
	if len(b) >= 3 && b[0] == 0xef && b[1] == 0xbb && b[2] == 0xbf { // bytes.TrimPrefix is a call, for every line
		return b[3:]
	}
	return b
}

// form is how a line begins.
type form int

const (
	ofText    form = iota // as none of the others; rest is what follows the PRI, or all
	ofRFC5424             // rest is what follows PROCID
	ofBSD                 // rest is what follows the tag
	ofObject              // perhaps with a JSON object; rest is what follows the PRI, or all
)

// header reads the wanted fields of a line that is no JSON object. rest is an end of the line. It is empty if not all
// fields are wanted.
func (h *Header) header(line []byte, received time.Time, want Fields) (f form, rest []byte) {
	pri, b, ok := cutPRI(line)
	if !ok {
		return ofText, line
	}
	if pri >= 0 && want&Priority != 0 {
		h.Facility, h.Severity = pri>>3, pri&7
	}
	if len(b) >= 2 && b[0] == '1' && b[1] == ' ' {
		if rest, ok := h.rfc5424(b[2:], received, want); ok {
			return ofRFC5424, rest
		}
		return ofText, b
	}
	if s, rest, ok := headerTime(b); ok {
		if want&Time != 0 {
			h.Time = s.time(received)
		}
		return ofBSD, h.hostAndTag(rest, want, pri >= 0)
	}
	return ofObject, b
}

// cutPRI reads "<", one to three digits, ">" and returns what follows. A line without "<" has the PRI -1; one with
// something else after it is of no form.
func cutPRI(b []byte) (pri int, rest []byte, ok bool) {
	if len(b) == 0 || b[0] != '<' {
		return -1, b, true
	}
	pri, end := digits(b, 1, 3)
	if end == 1 || end >= len(b) || b[end] != '>' || pri > maxPRI {
		return -1, nil, false
	}
	return pri, b[end+1:], true
}

// rfc5424 reads TIMESTAMP HOSTNAME APP-NAME PROCID (RFC 5424, section 6), and reports whether there is a TIMESTAMP.
func (h *Header) rfc5424(b []byte, received time.Time, want Fields) (rest []byte, ok bool) {
	if len(b) >= 2 && b[0] == '-' && b[1] == ' ' {
		b = b[2:]
	} else {
		s, n := rfc3339(b)
		if n == 0 || n < len(b) && b[n] != ' ' {
			return nil, false
		}
		if want&Time != 0 {
			h.Time = s.time(received)
		}
		b = b[min(n+1, len(b)):]
	}
	host, b := word(b)
	if want&Host != 0 {
		h.Host = field(host)
	}
	if want&(Program|PID) == 0 {
		return nil, true
	}
	program, b := word(b)
	if want&Program != 0 {
		h.Program = field(programOf(program))
	}
	pid, b := word(b)
	if want&PID != 0 {
		h.PID = field(pid)
	}
	return b, true
}

// word cuts b after its first space.
func word(b []byte) (first, rest []byte) {
	if i := bytes.IndexByte(b, ' '); i >= 0 {
		return b[:i], b[i+1:]
	}
	return b, nil
}

// field returns a field's value; nil if it is empty, RFC 5424's NILVALUE or too long.
func field(b []byte) []byte {
	if len(b) == 0 || len(b) > maxField || len(b) == 1 && b[0] == '-' {
		return nil
	}
	return b
}
