package severity

import "bytes"

// OfTopic returns the severity that a topic states, as in "billing.ERROR", "app/WARNING/db" or "ERROR", which Python's,
// Go's and Java's publishers make of their level: the first part between dots and slashes that OfWord knows. In the
// topics of rsyslog.d/30-omzmq-publish.conf, such as "authpriv.info.sshd", it is the part after a facility. Other words
// in small letters do not count, because "error" and "alert" may be programs or hosts.
func OfTopic(topic []byte) (Severity, bool) {
	rest := topic[:min(len(topic), maxLook)]
	var before []byte // the part before this one, which is the first one
	for n := 0; len(rest) > 0; n++ {
		part, end := rest, bytes.IndexAny(rest, "./")
		if rest = nil; end >= 0 {
			part, rest = part[:end], part[end+1:]
		}
		if s, ok := OfWord(part); ok {
			return s, true
		}
		if s, ok := named(part); ok && n == 1 && isFacility(before) {
			return s, true
		}
		before = part
	}
	return 0, false
}

// OfWord returns the severity that a level in capitals means: a name that the package's comment has, or Java's FINE,
// FINER or FINEST.
func OfWord(word []byte) (Severity, bool) {
	if len(word) < len("ERR") || len(word) > maxWord {
		return 0, false
	}
	for _, c := range word {
		if c < 'A' || c > 'Z' {
			return 0, false
		}
	}
	switch string(word) {
	case "FINE", "FINER", "FINEST":
		return Debug, true
	}
	return named(word)
}

// isFacility reports whether a word is a name that rsyslog's syslogfacility-text has.
func isFacility(word []byte) bool {
	switch string(word) {
	case "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp",
		"audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7":
		return true
	}
	return false
}
