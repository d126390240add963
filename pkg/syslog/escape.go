package syslog

import (
	"unicode/utf16"
	"unicode/utf8"
)

// unescape returns a copy of a JSON string's text with its escapes resolved (RFC 8259, section 7). An escape that is
// none makes it nil.
func unescape(text []byte) []byte {
	plain := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			plain = append(plain, text[i])
			continue
		}
		if i++; i >= len(text) {
			return nil
		}
		switch c := text[i]; c {
		case '"', '\\', '/':
			plain = append(plain, c)
		case 'b':
			plain = append(plain, '\b')
		case 'f':
			plain = append(plain, '\f')
		case 'n':
			plain = append(plain, '\n')
		case 'r':
			plain = append(plain, '\r')
		case 't':
			plain = append(plain, '\t')
		case 'u':
			r, n := unicodeEscape(text[i-1:])
			if n == 0 {
				return nil
			}
			plain = utf8.AppendRune(plain, r)
			i += n - 2
		default:
			return nil
		}
	}
	return plain
}

// unicodeEscape reads "\u00e4", or two of them that are a surrogate pair, and returns the character and the length, 0
// if there is none. A surrogate without the other one is U+FFFD.
func unicodeEscape(b []byte) (rune, int) {
	const length = len(`\u0000`)
	r, ok := hexadecimals(b)
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(r) {
		return r, length
	}
	if low, ok := hexadecimals(b[length:]); ok {
		if both := utf16.DecodeRune(r, low); both != utf8.RuneError {
			return both, 2 * length
		}
	}
	return utf8.RuneError, length
}

// hexadecimals reads "\u" and four digits.
func hexadecimals(b []byte) (r rune, ok bool) {
	if len(b) < len(`\u0000`) || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	for _, c := range b[2:len(`\u0000`)] {
		switch {
		case '0' <= c && c <= '9':
			r = r<<4 | rune(c-'0')
		case hexadecimal(c):
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return r, true
}
