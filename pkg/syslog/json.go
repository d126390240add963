package syslog

import (
	"bytes"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/object"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/severity"
)

// rank is how much a key counts; within a rank it is the first one in the object.
type rank uint8

const (
	first rank = iota
	second
	third
	none // no readable value yet
)

// ranks are those of the keys that the fields so far come from. PID has none but first and second.
type ranks struct{ time, host, program, pid, facility, said rank }

// object reads the top-level members of a JSON object, until no other one could change what is wanted. If the line has
// a PRI, the object is not asked for one. If said is wanted, it is returned; nil if there is none.
func (h *Header) object(b []byte, received time.Time, want Fields) (text []byte) {
	m := object.Of(b)
	if h.Severity >= 0 {
		want &^= Priority
	}
	r := ranks{none, none, none, none, none, none}
	for !r.final(want) && m.Next() {
		if field, counts := meaning(m.Key); field&want == said && counts < r.said {
			if s := sentence(m.Value); s != nil {
				text, r.said = s, counts
			}
		} else if field&want != 0 {
			h.member(field, counts, m.Value, received, want, &r)
		}
	}
	if want&Priority != 0 {
		if s, ok := severity.Of(b); ok {
			h.Severity = int(s)
		}
	}
	return text
}

// final reports whether no other member can change a wanted field.
func (r *ranks) final(want Fields) bool {
	return (want&Time == 0 || r.time == first) && (want&Host == 0 || r.host == first) &&
		(want&Program == 0 || r.program == first) && (want&PID == 0 || r.pid == first) &&
		(want&Priority == 0 || r.facility == first) && (want&said == 0 || r.said == first)
}

// member takes a wanted field of a member, if its key counts more than the one before.
func (h *Header) member(field Fields, counts rank, value []byte, received time.Time, want Fields, r *ranks) {
	switch {
	case field == Time && counts < r.time:
		if t := jsonTime(value, received); !t.IsZero() {
			h.Time, r.time = t, counts
		}
	case field == Host && counts < r.host:
		if host := text(value); host != nil && value[0] == '"' {
			h.Host, r.host = host, counts
		}
	case field == Program && counts < r.program:
		if program := text(value); program != nil && value[0] == '"' {
			h.Program, r.program = program, counts
		}
	case field == PID && counts < r.pid:
		if pid := text(value); pid != nil {
			h.PID, r.pid = pid, counts
		}
	case field == Program|PID:
		h.jsonTag(value, want, r)
	case field == Priority && counts < r.facility:
		if f := facility(value, counts == second); f >= 0 {
			h.Facility, r.facility = f, counts
		}
	}
}

// jsonTag divides a tag, for the fields that are not yet known.
func (h *Header) jsonTag(value []byte, want Fields, r *ranks) {
	if r.program <= second && r.pid <= second || value[0] != '"' {
		return
	}
	tag := text(value)
	h.tag(tag, want)
	if h.Program != nil {
		r.program = min(r.program, second)
	}
	if h.PID != nil {
		r.pid = min(r.pid, second)
	}
}

// maxKey is the length of the longest known key.
const maxKey = len("__realtime_timestamp")

// meaning returns the field that a key's value belongs to, and how much it counts; no field if there is none.
func meaning(key []byte) (Fields, rank) {
	var lower [maxKey]byte
	switch string(fold(lower[:], key)) {
	case "timereported", "timestamp", "@timestamp", "time", "ts", "@t", "asctime", "eventtime":
		return Time, first
	case "timegenerated", "__realtime_timestamp":
		return Time, second
	case "hostname", "_hostname":
		return Host, first
	case "host":
		return Host, second
	case "fromhost":
		return Host, third
	case "programname", "program", "app-name", "appname", "app_name":
		return Program, first
	case "syslog_identifier":
		return Program, second
	case "_comm", "sourcename":
		return Program, third
	case "procid", "pid", "syslog_pid", "_pid", "processid":
		return PID, first
	case "syslogtag", "tag":
		return Program | PID, second
	case "syslogfacility", "syslogfacility-text", "facility", "syslog_facility":
		return Priority, first
	case "pri", "pri-text":
		return Priority, second
	case "msg", "message", "@message", "@m", "short_message", "textpayload":
		return said, first
	case "event", "body", "log", "@mt", "text", "full_message":
		return said, second
	}
	return 0, none
}

// fold returns word in lower case (ASCII), stored in lower, or nil if it is longer than that.
func fold(lower, word []byte) []byte {
	if len(word) > len(lower) {
		return nil
	}
	for i, c := range word {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		lower[i] = c
	}
	return lower[:len(word)]
}

// text returns what a string or number says, as a field; nil for anything else. It allocates for a string with escapes.
func text(value []byte) []byte {
	if value[0] != '"' {
		if _, end := digits(value, 0, maxField); end < len(value) {
			return nil
		}
		return value
	}
	value = value[1 : len(value)-1]
	if bytes.IndexByte(value[:min(len(value), maxField+1)], '\\') < 0 {
		return field(value)
	}
	if len(value) > maxField*len(`\u0000`) {
		return nil
	}
	return field(unescape(value))
}

// sentence returns what a string says to people; nil if it is none, or empty. It allocates for a string with escapes.
func sentence(value []byte) []byte {
	if value[0] != '"' || len(value) == len(`""`) {
		return nil
	}
	value = value[1 : len(value)-1]
	if bytes.IndexByte(value, '\\') >= 0 {
		value = unescape(value)
	}
	return unspaced(value)
}

// facility reads a facility's name or number. In a pri, which has the severity, too, it is "local0.err" or 131.
func facility(value []byte, pri bool) int {
	value = text(value)
	if n, end := digits(value, 0, 3); len(value) > 0 && end == len(value) {
		switch {
		case pri && n <= maxPRI:
			return n >> 3
		case !pri && n <= maxPRI>>3:
			return n
		}
		return -1
	}
	if pri {
		name, _, found := bytes.Cut(value, []byte("."))
		if !found {
			return -1
		}
		value = name
	}
	return facilityNamed(value)
}

// facilities are rsyslog's names of RFC 5424, table 1.
var facilities = [...]string{"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron",
	"authpriv", "ftp", "ntp", "audit", "alert", "clock",
	"local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"}

// FacilityName returns the name that rsyslog's syslogfacility-text has, such as "local0"; "" if there is none.
func FacilityName(facility int) string {
	if facility < 0 || facility >= len(facilities) {
		return ""
	}
	return facilities[facility]
}

// facilityNamed returns the number of a facility, -1 if there is none with the name.
func facilityNamed(name []byte) int {
	var lower [len("authpriv")]byte
	name = fold(lower[:], name)
	for i, known := range facilities {
		if string(name) == known {
			return i
		}
	}
	return -1
}
