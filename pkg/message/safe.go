package message

import (
	"encoding/binary"
	"unicode"
	"unicode/utf8"
)

// printable marks the bytes that every terminal shows as a letter, a digit, a symbol or a space.
var printable = func() (t [256]bool) {
	for c := ' '; c < 0x7f; c++ {
		t[c] = true
	}
	return t
}()

// AppendSafe appends text for people, and escapes everything that must not be shown. What it appends is UTF-8 and one
// line: no byte of it moves the cursor, sets a title, changes a colour, reverses the direction of writing or hides a
// letter. Bytes below 0x20, DEL and bytes that are not UTF-8 become #ooo, three octal digits as rsyslog writes them;
// harmful characters become <U+hhhh>. With tabs, a tab stays a tab. None of this is reversible: text may itself hold
// the characters #033.
func AppendSafe(dst, text []byte, tabs bool) []byte {
	from := 0 // text[from:i] needs no escape and is still to be copied
	for i := printableEnd(text, 0); i < len(text); i = printableEnd(text, i) {
		c := text[i]
		if c == '\t' && tabs {
			i++
			continue
		}
		size := 1
		if c >= utf8.RuneSelf {
			var r rune
			if r, size = utf8.DecodeRune(text[i:]); size > 1 && !harmful(r) {
				i += size
				continue
			}
		}
		dst = appendEscaped(append(dst, text[from:i]...), text[i:i+size])
		i += size
		from = i
	}
	return append(dst, text[from:]...)
}

// printableEnd returns the position of the first byte from i on that is not printable. It looks at eight
// bytes at a time, because most messages have no such byte.
func printableEnd(text []byte, i int) int {
	for ; i+8 <= len(text) && printableWord(text[i:]); i += 8 {
	}
	if len(text)-i < 8 && len(text) >= 8 && printableWord(text[len(text)-8:]) {
		return len(text)
	}
	for i < len(text) && printable[text[i]] {
		i++
	}
	return i
}

// printableWord reports whether each of the first eight bytes is printable.
func printableWord(text []byte) bool {
	const each, tops = 0x0101010101010101, 0x8080808080808080
	w := binary.LittleEndian.Uint64(text)
	return ((w-0x20*each)&^w|w|(w+each))&tops == 0 // no byte is below 0x20, from 0x80 on, or 0x7f
}

// harmful reports whether r, from U+0080 on, must not be shown. That holds for C1 controls (U+009B begins a
// sequence as ESC [ does), for line and paragraph separators, and for format characters: they reverse the
// direction of writing, have no width or, like tags and the selectors after them, carry invisible text. Two
// kinds of format characters are shown: U+200C and U+200D, without which Persian and Hindi, among others,
// cannot be written, and the visible signs that Arabic, Syriac and Kaithi put before a number.
func harmful(r rune) bool {
	switch {
	case r < 0xa0:
		return true
	case r < 0x600:
		return r == 0xad
	case r == 0x200c, r == 0x200d:
		return false
	case r == 0x2028, r == 0x2029:
		return true
	case r >= 0xe0000 && r <= 0xe0fff:
		return true
	}
	return unicode.Is(unicode.Cf, r) && !unicode.Is(unicode.Prepended_Concatenation_Mark, r)
}

// appendEscaped appends a byte as #ooo, and a character of several bytes as <U+hhhh>, with five or six digits where
// needed.
func appendEscaped(dst, character []byte) []byte {
	if len(character) == 1 {
		c := character[0]
		return append(dst, '#', '0'+c>>6, '0'+c>>3&7, '0'+c&7)
	}
	r, _ := utf8.DecodeRune(character)
	dst = append(dst, "<U+"...)
	for shift := 20; shift >= 0; shift -= 4 {
		if shift < 16 || r>>shift != 0 {
			dst = append(dst, upperHex[r>>shift&15])
		}
	}
	return append(dst, '>')
}

const upperHex = "0123456789ABCDEF"

// EscapeJSON makes dst[from:], a JSON text in UTF-8, safe for a terminal: DEL and harmful characters, which
// can only occur in its strings, become \uhhhh.
func EscapeJSON(dst []byte, from int) []byte {
	end := len(dst)
	copied := from
	for i := printableEnd(dst, from); i < end; i = printableEnd(dst[:end], i) {
		r, size := utf8.DecodeRune(dst[i:end])
		if r == 0x7f || r >= utf8.RuneSelf && harmful(r) {
			dst = append(dst, dst[copied:i]...)
			dst = appendUnicodeEscape(dst, r)
			copied = i + size
		}
		i += size
	}
	if copied == from {
		return dst
	}
	dst = append(dst, dst[copied:end]...)
	return dst[:from+copy(dst[from:], dst[end:])]
}

// appendUnicodeEscape appends r as JSON escapes it (RFC 8259, section 7).
func appendUnicodeEscape(dst []byte, r rune) []byte {
	if r > 0xffff {
		r -= 0x10000
		return appendUnicodeEscape(appendUnicodeEscape(dst, 0xd800+r>>10), 0xdc00+r&0x3ff)
	}
	return append(dst, '\\', 'u', upperHex[r>>12&15], upperHex[r>>8&15], upperHex[r>>4&15], upperHex[r&15])
}
