package severity

import "bytes"

const (
	// maxHead is how many bytes of a text are looked at for a level.
	maxHead = 256
	// maxParts is how many parts of it: with a time, a process, a thread, a logger and dashes between them.
	maxParts = 8
)

// OfText returns the severity that a line of text states at the place where loggers put it:
//
//	2026-10-11 22:14:15,123 ERROR text                 a word after a time: Python, Java
//	2026-10-11 22:14:15,123 - billing - ERROR - text   a word between dashes: Python
//	22:14:15.123 [main] ERROR com.example.App - text   a word after brackets: Java
//	2026-10-11 22:14:15.123 UTC [4242] ERROR:  text    PostgreSQL
//	2026/10/11 22:14:15 [error] 7#7: text              in brackets after a time, in small letters, too: nginx
//	[ERROR] text, ERROR: text, ERROR:root:text         without a time, in brackets or before a colon
//	time=… level=error msg=text                        one of the first keys: Go's slog and logrus
//	E1011 22:14:15.123456 4242 main.go:12] text        Go's glog and klog
//
// A word is what OfWord knows. Anywhere else it is a part of the text and not a level.
func OfText(text []byte) (Severity, bool) {
	text = text[:min(len(text), maxHead)]
	if i := bytes.IndexByte(text, '\n'); i >= 0 {
		text = text[:i]
	}
	if s, ok := ofKlog(text); ok {
		return s, true
	}
	if s, ok := ofLogfmt(text); ok {
		return s, true
	}
	open := len(text) > 0 && text[0] == '['
	rest := text
	if open {
		rest = text[1:]
	}
	if end := clockEnd(rest, dateEnd(rest)); end > 0 {
		return ofTimed(rest[end:])
	}
	return ofFirst(text)
}

// ofFirst looks at the word that a text without a time begins with.
func ofFirst(text []byte) (Severity, bool) {
	if len(text) > 0 && text[0] == '[' {
		if end := bytes.IndexByte(text, ']'); end > 0 {
			return OfWord(text[1:end])
		}
		return 0, false
	}
	if end := wordEnd(text); end < len(text) && text[end] == ':' {
		return OfWord(text[:end])
	}
	return 0, false
}

// ofTimed looks at the parts that follow a time.
func ofTimed(rest []byte) (Severity, bool) {
	name := false // the next word may be a logger's name
	for n := range maxParts {
		if rest = bytes.TrimLeft(rest, " \t:]"); len(rest) == 0 {
			break
		}
		if rest[0] == '[' {
			end := bytes.IndexByte(rest, ']')
			if end < 0 {
				break
			}
			if s, ok := named(rest[1:end]); ok {
				return s, true
			}
			rest = rest[end:]
			continue
		}
		if rest[0] == '-' || rest[0] == '|' {
			rest, name = rest[1:], true
			continue
		}
		end := wordEnd(rest)
		if s, ok := OfWord(rest[:end]); ok {
			return s, true
		}
		number := end > 0 && digitsEnd(rest, 0) == end
		if !name && !number && (n > 0 || !zone(rest[:end])) {
			break
		}
		if end = bytes.IndexAny(rest, " \t"); end < 0 {
			break
		}
		rest, name = rest[end:], false
	}
	return 0, false
}

// wordEnd returns the length of the letters and digits that b begins with.
func wordEnd(b []byte) int {
	for i, c := range b {
		if c|0x20 < 'a' || c|0x20 > 'z' {
			if c < '0' || c > '9' {
				return i
			}
		}
	}
	return len(b)
}

// zone reports whether a word may be the name of a time zone.
func zone(word []byte) bool {
	for _, c := range word {
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	return len(word) >= 3 && len(word) <= 5
}

// dateEnd returns the position after "2026-10-11 " or "2026/10/11T" at the beginning of b, or 0.
func dateEnd(b []byte) int {
	const form = "dddd-dd-dd "
	if len(b) < len(form) || b[4] != b[7] || b[4] != '-' && b[4] != '/' || b[10] != ' ' && b[10] != 'T' {
		return 0
	}
	if digitsEnd(b, 0) != 4 || digitsEnd(b, 5) != 7 || digitsEnd(b, 8) != 10 {
		return 0
	}
	return len(form)
}

// clockEnd returns the position after "22:14:15.123+02:00" at i, or 0. A space may precede the zone.
func clockEnd(b []byte, i int) int {
	const form = "dd:dd:dd"
	if len(b)-i < len(form) || b[i+2] != ':' || b[i+5] != ':' || digitsEnd(b, i) != i+2 || digitsEnd(b, i+3) != i+5 {
		return 0
	}
	end := digitsEnd(b, i+6)
	if end != i+len(form) {
		return 0
	}
	if end+1 < len(b) && (b[end] == '.' || b[end] == ',') {
		end = digitsEnd(b, end+1)
	}
	at := end
	if at < len(b) && b[at] == ' ' {
		at++
	}
	if at+1 < len(b) && (b[at] == '+' || b[at] == '-') {
		if n := digitsEnd(b, at+1); n == at+5 {
			return n
		} else if n == at+3 && n < len(b) && b[n] == ':' && digitsEnd(b, n+1) == n+3 {
			return n + 3
		}
	}
	if end < len(b) && b[end] == 'Z' {
		end++
	}
	return end
}

// ofKlog reads "E1011 22:14:15.123456".
func ofKlog(text []byte) (Severity, bool) {
	const form = "E1011 "
	if len(text) < len(form) || digitsEnd(text, 1) != 5 || text[5] != ' ' || clockEnd(text, len(form)) == 0 {
		return 0, false
	}
	switch text[0] {
	case 'I':
		return Info, true
	case 'W':
		return Warning, true
	case 'E':
		return Err, true
	case 'F':
		return Crit, true
	}
	return 0, false
}

// ofLogfmt looks for level= among the first keys of key=value pairs.
func ofLogfmt(text []byte) (Severity, bool) {
	for range maxParts {
		equals := wordEnd(text)
		if equals == 0 || equals >= len(text) || text[equals] != '=' {
			break
		}
		key, value := text[:equals], text[equals+1:]
		end := bytes.IndexAny(value, " \t")
		if len(value) > 0 && value[0] == '"' {
			if end = bytes.IndexByte(value[1:], '"'); end >= 0 {
				end += len(`""`)
			}
		}
		if end < 0 {
			end = len(value)
		}
		if string(key) == "level" || string(key) == "lvl" {
			return named(bytes.Trim(value[:end], `"`))
		}
		text = bytes.TrimLeft(value[end:], " \t")
	}
	return 0, false
}
