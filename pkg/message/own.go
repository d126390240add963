package message

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// Own begins the lines that zmqtap writes of its own among lines that are messages, for example where messages are
// missing. No message's line begins with it, or looks as if it did: AppendSafeLine and AppendBytesLine see to that.
const Own = "zmqtap: "

// own is what a message's line must not begin with: a tab may follow, which can look like a space.
const own = "zmqtap:"

// AppendSafeLine is AppendSafe for text that begins a line. If the line would look like one of zmqtap's own, its first
// character is escaped, too.
func AppendSafeLine(dst, text []byte, tabs bool) []byte {
	if LooksOwn(text) {
		var size int
		dst, size = AppendFirstEscaped(dst, text)
		text = text[size:]
	}
	return AppendSafe(dst, text, tabs)
}

// AppendFirstEscaped appends the first character of a text, which is not empty, as AppendSafe writes what must not be
// shown, whatever it is. It returns the character's length in the text.
func AppendFirstEscaped(dst, text []byte) (_ []byte, size int) {
	_, size = utf8.DecodeRune(text)
	return appendEscaped(dst, text[:size]), size
}

// AppendBytesLine is AppendLine whose line cannot be taken for one of zmqtap's own by a program. Other bytes stay as
// they are.
func AppendBytesLine(dst, payload []byte) []byte {
	if bytes.HasPrefix(payload, []byte(own)) {
		dst, payload = appendEscaped(dst, payload[:1]), payload[1:]
	}
	return AppendLine(dst, payload)
}

// mostUnseen is how many characters that take no room a line may begin with, or have among its first letters.
const mostUnseen = 64

// LooksOwn reports whether a line that begins with text looks like one of zmqtap's own. Characters that take no room on
// a screen do not count, and very many of them are taken for an attempt: the first kilobyte of a text decides. Letters
// of other alphabets that look alike are not recognized.
func LooksOwn(text []byte) bool {
	left, hidden := own, 0
	for i := 0; i < len(text); {
		if text[i] == left[0] {
			if left = left[1:]; left == "" {
				return true
			}
			i++
			continue
		}
		r, size := utf8.DecodeRune(text[i:])
		if !unseen(r) {
			return false
		}
		if hidden++; hidden > mostUnseen {
			return true
		}
		i += size
	}
	return false
}

// unseen reports whether a character that AppendSafe shows takes no room of its own: joiners, marks on the letter
// before, and the parts of Hangul syllables that join.
func unseen(r rune) bool {
	return r >= 0x300 && (r == 0x200c || r == 0x200d || (r >= 0x1160 && r <= 0x11ff) || unicode.In(r, unicode.Mn, unicode.Me))
}
