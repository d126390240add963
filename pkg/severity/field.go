package severity

import "bytes"

// meaning is what a key's value means.
type meaning int

const (
	nothing  meaning = iota // the key states no severity
	plain                   // a name, or a number from 0 to 7
	level                   // the same, or a number of pino, bunyan or Monolog
	pri                     // facility and severity: a number up to 191
	selector                // facility and severity: "local0.err", older "local0.err<133>"
)

// maxWord is the length of the longest known key.
const maxWord = len("syslogpriority-text")

// field returns the severity stated by a key and its value, both as they are in the JSON text. The
// package's comment lists the keys. Keys and names with an escape in them are not recognised.
func field(key, value []byte) (Severity, bool) {
	var lower [maxWord]byte
	means := nothing
	switch string(fold(&lower, key)) {
	case "severity", "severity_label", "syslogseverity", "syslogseverity-text", "syslogpriority", "syslogpriority-text",
		"priority", "level_name", "levelname", "loglevel", "log.level":
		means = plain
	case "level":
		means = level
	case "pri":
		means = pri
	case "pri-text":
		means = selector
	default:
		return 0, false
	}
	if value[0] == '"' {
		value = value[1 : len(value)-1]
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
	case "err", "error":
		return Err, true
	case "warn", "warning":
		return Warning, true
	case "notice":
		return Notice, true
	case "info", "informational", "information":
		return Info, true
	case "debug", "trace":
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
