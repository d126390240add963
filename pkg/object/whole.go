package object

import (
	"bytes"
	"unicode/utf8"
)

// MostNested is how deep arrays and objects may nest in what Whole accepts. Readers of JSON have limits, too: Python's
// is about a thousand.
const MostNested = 64

// Whole returns the length of the JSON object that b begins with, 0 if there is none. Unlike Of, it checks all of the
// object (RFC 8259), except that bytes in strings need not be UTF-8.
func Whole(b []byte) int {
	if len(b) == 0 || b[0] != '{' {
		return 0
	}
	var arrays uint64 // a bit for each level that is open, the innermost one lowest: it is an array
	depth, i := 0, 0
	for {
		opened := i < len(b) && (b[i] == '{' || b[i] == '[')
		switch {
		case opened && depth == MostNested:
			return 0
		case opened:
			arrays, depth = arrays<<1, depth+1
			if b[i] == '[' {
				arrays |= 1
			}
			i = spaceEnd(b, i+1)
		default:
			if i = scalarEnd(b, i); i == malformed {
				return 0
			}
		}
		if i, arrays, depth = closings(b, i, arrays, depth, opened); depth == 0 {
			return max(i, 0)
		}
		if arrays&1 == 0 {
			i = nameEnd(b, i)
		}
		if i == malformed {
			return 0
		}
	}
}

// closings skips what follows a value, or the beginning of an object or array: the ends of what is open, and a comma.
// If anything is wrong, it returns malformed and the depth 0.
func closings(b []byte, i int, arrays uint64, depth int, opened bool) (int, uint64, int) {
	for i = spaceEnd(b, i); i < len(b); i = spaceEnd(b, i+1) {
		end := byte('}')
		if arrays&1 != 0 {
			end = ']'
		}
		switch {
		case b[i] == end:
			arrays, depth, opened = arrays>>1, depth-1, false
			if depth == 0 {
				return i + 1, arrays, depth
			}
		case opened:
			return i, arrays, depth
		case b[i] == ',':
			return spaceEnd(b, i+1), arrays, depth
		default:
			return malformed, arrays, 0
		}
	}
	return malformed, arrays, 0
}

// nameEnd skips a member's name and the colon.
func nameEnd(b []byte, i int) int {
	if i >= len(b) || b[i] != '"' {
		return malformed
	}
	end := scalarEnd(b, i)
	if end == malformed {
		return malformed
	}
	if i = spaceEnd(b, end); i >= len(b) || b[i] != ':' {
		return malformed
	}
	return spaceEnd(b, i+1)
}

// scalarEnd skips a string, number or word, and checks a string's escapes.
func scalarEnd(b []byte, i int) int {
	if i >= len(b) || b[i] == '{' || b[i] == '[' {
		return malformed
	}
	end := valueEnd(b, i)
	if b[i] != '"' || end == malformed {
		return end
	}
	for text := b[i+1 : end-1]; ; {
		at := bytes.IndexByte(text, '\\')
		if at < 0 {
			return end
		}
		n := escapeEnd(text[at:])
		if n == malformed {
			return malformed
		}
		text = text[at+n:]
	}
}

// escapeEnd returns the length of an escape, whose backslash b begins with.
func escapeEnd(b []byte) int {
	const unicode = len(`\u0000`)
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		for i := 2; i < unicode; i++ {
			if i >= len(b) || !('0' <= b[i] && b[i] <= '9' || 'a' <= b[i]|0x20 && b[i]|0x20 <= 'f') {
				return malformed
			}
		}
		return unicode
	}
	return malformed
}

// AppendLine appends an object that Whole accepts, on one line: without the spaces between its tokens, U+2028 and
// U+2029 as escapes, bytes that are not UTF-8 as U+FFFD. All else stays as it is.
func AppendLine(dst, object []byte) []byte {
	from := 0 // object[from:i] is not copied yet
	for i := 0; i < len(object); {
		switch c := object[i]; {
		case c == '"':
			end := stringEnd(object, i)
			dst = appendString(append(dst, object[from:i]...), object[i:end])
			i, from = end, end
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			dst = append(dst, object[from:i]...)
			i = spaceEnd(object, i)
			from = i
		default:
			i++
		}
	}
	return append(dst, object[from:]...)
}

func appendString(dst, text []byte) []byte {
	from := 0
	for i := 0; i < len(text); {
		if text[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, size := utf8.DecodeRune(text[i:])
		escape := ""
		switch {
		case r == '\u2028':
			escape = `\u2028`
		case r == '\u2029':
			escape = `\u2029`
		case r == utf8.RuneError && size == 1:
			escape = "\ufffd"
		}
		if escape != "" {
			dst = append(append(dst, text[from:i]...), escape...)
			from = i + size
		}
		i += size
	}
	return append(dst, text[from:]...)
}
