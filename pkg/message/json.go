package message

import (
	"encoding/base64"
	"math/bits"
	"strconv"
	"time"
	"unicode/utf8"
)

// ReceivedLayout is the layout of the time at which a message was received: RFC 3339 with microseconds; Z for UTC.
const ReceivedLayout = "2006-01-02T15:04:05.000000Z07:00"

// AppendJSON appends m as one JSON object on one line, without a terminator. The keys are always in this
// order:
//
//	topic or topic_base64       the first of several frames
//	message or message_base64   the payload; the only key that is always there
//	frames or frames_base64     an array of the frames between topic and payload
//	peer, user, seq, received   received is RFC 3339 with microseconds, in UTC
//
// The _base64 form (RFC 4648, padded) is for bytes that are not UTF-8; all frames take it if one of them
// is not UTF-8. A key without a value is left out. The text holds no byte below 0x20, no U+2028 and no
// U+2029: it is a single line for every reader. Bytes of peer and user that are not UTF-8 become U+FFFD.
func AppendJSON(dst []byte, m *Message) []byte {
	dst = append(dst, '{')
	if m.HasTopic {
		dst = appendBytes(dst, "topic", m.Topic)
		dst = append(dst, ',')
	}
	dst = appendBytes(dst, "message", m.Payload)
	if len(m.Frames) > 0 {
		dst = appendFrames(append(dst, ','), m.Frames)
	}
	if m.Peer != "" {
		dst = appendText(append(dst, `,"peer":`...), m.Peer)
	}
	if m.User != "" {
		dst = appendText(append(dst, `,"user":`...), m.User)
	}
	if m.Seq != 0 {
		dst = strconv.AppendUint(append(dst, `,"seq":`...), m.Seq, 10)
	}
	if !m.Received.IsZero() {
		dst = append(appendReceived(append(dst, `,"received":"`...), m.Received), '"')
	}
	return append(dst, '}')
}

// appendReceived appends t as ReceivedLayout has it, in UTC. Go has a fast way for times without a fraction alone.
func appendReceived(dst []byte, t time.Time) []byte {
	dst = t.UTC().AppendFormat(dst, time.RFC3339)
	dst = dst[:len(dst)-len("Z")]
	dst = append(dst, ".000000Z"...)
	for i, n := len(dst)-2, t.Nanosecond()/1000; n > 0; i, n = i-1, n/10 {
		dst[i] = '0' + byte(n%10)
	}
	return dst
}

// appendBytes appends "key":"text", or "key_base64":"..." when value is not UTF-8.
func appendBytes(dst []byte, key string, value []byte) []byte {
	text := utf8.Valid(value)
	dst = appendKey(dst, key, text)
	if text {
		return appendText(dst, value)
	}
	return appendBase64(dst, value)
}

func appendFrames(dst []byte, frames [][]byte) []byte {
	text := true
	for _, f := range frames {
		text = text && utf8.Valid(f)
	}
	dst = append(appendKey(dst, "frames", text), '[')
	for i, f := range frames {
		if i > 0 {
			dst = append(dst, ',')
		}
		if text {
			dst = appendText(dst, f)
		} else {
			dst = appendBase64(dst, f)
		}
	}
	return append(dst, ']')
}

func appendKey(dst []byte, key string, text bool) []byte {
	dst = append(append(dst, '"'), key...)
	if !text {
		dst = append(dst, "_base64"...)
	}
	return append(dst, '"', ':')
}

func appendBase64(dst, value []byte) []byte {
	dst = base64.StdEncoding.AppendEncode(append(dst, '"'), value)
	return append(dst, '"')
}

// appendText appends s as a JSON string with its quotes.
func appendText[T string | []byte](dst []byte, s T) []byte {
	return append(AppendCharacters(append(dst, '"'), s), '"')
}

// AppendCharacters appends s as it is written between the quotes of a JSON string. Bytes that are not UTF-8 become
// U+FFFD, and the line separators U+2028 and U+2029 escapes.
func AppendCharacters[T string | []byte](dst []byte, s T) []byte {
	from := 0 // s[from:i] stands for itself and is not copied yet
	for i := plainEnd(s, 0); i < len(s); i = plainEnd(s, i) {
		c, size := s[i], 1
		if c >= utf8.RuneSelf {
			r, n := decodeRune(s[i:])
			if size = n; r != '\u2028' && r != '\u2029' && (r != utf8.RuneError || n > 1) {
				i += size
				continue
			}
			dst = append(dst, s[from:i]...)
			dst = append(dst, '\\', 'u')
			dst = append(dst, hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
		} else {
			dst = appendEscape(append(dst, s[from:i]...), c)
		}
		i += size
		from = i
	}
	return append(dst, s[from:]...)
}

// plainEnd returns the position of the first byte from i on that does not stand for itself in a JSON string, or begins
// a character that may not. It looks at eight bytes at a time, because most messages have few of them.
func plainEnd[T string | []byte](s T, i int) int {
	const each, tops = 0x0101010101010101, 0x8080808080808080
	for ; i+8 <= len(s); i += 8 {
		w := uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
			uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
		quote, backslash := w^each*'"', w^each*'\\'
		found := (quote-each)&^quote | (backslash-each)&^backslash | (w-each*' ')&^w | w
		if found &= tops; found != 0 { // a borrow can spoil only the bytes above the first one
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for i < len(s) && s[i] >= ' ' && s[i] < utf8.RuneSelf && s[i] != '"' && s[i] != '\\' {
		i++
	}
	return i
}

const hex = "0123456789abcdef"

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}

// decodeRune decodes the first character of s. It copies at most four bytes of s.
func decodeRune[T string | []byte](s T) (rune, int) {
	var b [utf8.UTFMax]byte
	return utf8.DecodeRune(b[:copy(b[:], s)])
}
