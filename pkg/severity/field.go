package severity

import "bytes"

// meaning is what a key's value means.
type meaning int

const (
	plain    meaning = iota // a name, or a number from 0 to 7
	level                   // the same, or a number of pino, bunyan or Monolog
	python                  // a number of Python's logging
	pri                     // facility and severity: a number up to 191
	selector                // facility and severity: "local0.err", older "local0.err<133>"
)

// rank is how much a key counts: the row of the table in the package's comment.
type rank int

const (
	program    rank = iota // the severity that a program states
	levelName              // its level, by name as a rule
	levelValue             // its level, by name or number
	transport              // the severity that it was logged with
	facility               // the same, with the facility
	silent                 // no severity
)

// maxWord is the length of the longest known key.
const maxWord = len("syslogpriority-text")

// field returns the severity stated by a key and its value, both as they are in the JSON text, and how much it counts.
// The package's comment lists the keys. Keys and names with an escape in them are not recognised.
func field(key, value []byte) (rank, Severity) {
	var lower [maxWord]byte
	counts, means := silent, plain
	switch string(fold(&lower, key)) {
	case "severity", "severity_text", "severitytext", "severity_label":
		counts = program
	case "level_name", "levelname", "loglevel", "log_level", "log.level", "@level", "@l", "lvl":
		counts = levelName
	case "log":
		if s, ok := ofLog(value); ok {
			return levelName, s
		}
	case "level":
		counts, means = levelValue, level
	case "levelno":
		counts, means = levelValue, python
	case "priority", "syslogseverity", "syslogseverity-text", "syslogpriority", "syslogpriority-text":
		counts = transport
	case "pri-text":
		counts, means = facility, selector
	case "pri":
		counts, means = facility, pri
	}
	if counts != silent {
		if s, ok := stated(value, means); ok {
			return counts, s
		}
	}
	return silent, 0
}

// stated returns the severity that a value states, which is as it is in the JSON text.
func stated(value []byte, means meaning) (Severity, bool) {
	if value[0] == '"' {
		value = bytes.Trim(value[1:len(value)-1], " \t")
	}
	if n, ok := number(value); ok {
		return numbered(n, means)
	}
	if means == selector {
		value = value[bytes.LastIndexByte(value, '.')+1:]
		if i := bytes.IndexByte(value, '<'); i >= 0 {
			value = value[:i]
		}
	}
	return named(value)
}

func numbered(n int, means meaning) (Severity, bool) {
	switch {
	case means == pri:
		return Severity(n & 7), n <= maxPRI
	case means == selector:
		return 0, false
	case means == python:
		return ofPython(n)
	case n <= 7:
		return Severity(n), true
	case means != level:
		return 0, false
	}
	switch n {
	case 600:
		return Emerg, true
	case 550:
		return Alert, true
	case 60, 500:
		return Crit, true
	case 50, 400:
		return Err, true
	case 40, 300:
		return Warning, true
	case 250:
		return Notice, true
	case 30, 200:
		return Info, true
	case 10, 20, 100:
		return Debug, true
	}
	return 0, false
}

func ofPython(n int) (Severity, bool) {
	switch n {
	case 50:
		return Crit, true
	case 40:
		return Err, true
	case 30:
		return Warning, true
	case 20:
		return Info, true
	case 10:
		return Debug, true
	}
	return 0, false
}

// named reads a severity's name and ignores slog's offsets ("WARN+1").
func named(name []byte) (Severity, bool) {
	if i := bytes.IndexAny(name, "+-"); i > 0 && i+1 < len(name) && digitsEnd(name, i+1) == len(name) {
		name = name[:i]
	}
	var lower [maxWord]byte
	switch string(fold(&lower, name)) {
	case "emerg", "emergency", "panic":
		return Emerg, true
	case "alert":
		return Alert, true
	case "crit", "critical", "fatal", "dpanic":
		return Crit, true
	case "err", "error", "severe":
		return Err, true
	case "warn", "warning":
		return Warning, true
	case "notice":
		return Notice, true
	case "info", "informational", "information":
		return Info, true
	case "debug", "trace", "verbose":
		return Debug, true
	}
	return 0, false
}

// fold returns word in lower case (ASCII), stored in lower, or nil if it is longer than any known word.
func fold(lower *[maxWord]byte, word []byte) []byte {
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
