package object

import (
	"encoding/binary"
	"math/bits"
)

// The functions below scan a JSON text (RFC 8259) by positions: each takes the position where a token
// begins and returns the position after its end, or malformed. They stop at the end of b.

const malformed = -1

// member reads a member of an object. After the last one, next is the end of b.
func member(b []byte, i int) (key, value []byte, next int) {
	if b[i] != '"' {
		return nil, nil, malformed
	}
	end := stringEnd(b, i)
	if end == malformed {
		return nil, nil, malformed
	}
	key = b[i+1 : end-1]
	if i = spaceEnd(b, end); i >= len(b) || b[i] != ':' {
		return nil, nil, malformed
	}
	i = spaceEnd(b, i+1)
	if end = valueEnd(b, i); end == malformed {
		return nil, nil, malformed
	}
	value = b[i:end]
	switch i = spaceEnd(b, end); {
	case i < len(b) && b[i] == ',':
		return key, value, spaceEnd(b, i+1)
	case i < len(b) && b[i] == '}':
		return key, value, len(b)
	}
	return nil, nil, malformed
}

func spaceEnd(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r') {
		i++
	}
	return i
}

func digitsEnd(b []byte, i int) int {
	for i < len(b) && '0' <= b[i] && b[i] <= '9' {
		i++
	}
	return i
}

func valueEnd(b []byte, i int) int {
	if i >= len(b) {
		return malformed
	}
	switch b[i] {
	case '"':
		return stringEnd(b, i)
	case '{', '[':
		return nestedEnd(b, i)
	case 't':
		return wordEnd(b, i, "true")
	case 'f':
		return wordEnd(b, i, "false")
	case 'n':
		return wordEnd(b, i, "null")
	}
	return numberEnd(b, i)
}

func wordEnd(b []byte, i int, word string) int {
	if len(b)-i < len(word) || string(b[i:i+len(word)]) != word {
		return malformed
	}
	return i + len(word)
}

// stringEnd takes the position of the opening quote. It does not check escapes.
func stringEnd(b []byte, i int) int {
	for i++; i < len(b); i++ {
		for len(b)-i >= 8 {
			n := plainBytes(binary.LittleEndian.Uint64(b[i:]))
			if n < 8 {
				i += n
				break
			}
			i += 8
		}
		if i >= len(b) {
			break
		}
		switch c := b[i]; {
		case c == '"':
			return i + 1
		case c == '\\':
			i++
		case c < ' ':
			return malformed
		}
	}
	return malformed
}

// plainBytes returns how many of eight bytes, from the lowest on, precede the first quote, backslash or control
// character. In the bit tricks a borrow can spoil only the bytes above that one.
func plainBytes(eight uint64) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	quote, backslash := eight^ones*'"', eight^ones*'\\'
	found := (quote-ones)&^quote | (backslash-ones)&^backslash | (eight-ones*' ')&^eight
	return bits.TrailingZeros64(found&tops) / 8
}

// nestedEnd skips an object or array. It counts brackets and checks nothing in it but strings.
func nestedEnd(b []byte, i int) int {
	depth := 0
	for i < len(b) {
		switch b[i] {
		case '"':
			if i = stringEnd(b, i); i == malformed {
				return malformed
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		i++
		if depth == 0 {
			return i
		}
	}
	return malformed
}

// numberEnd skips a number: -? (0 | 1-9 digits) (. digits)? ((e|E) (+|-)? digits)?
func numberEnd(b []byte, i int) int {
	if i < len(b) && b[i] == '-' {
		i++
	}
	end := digitsEnd(b, i)
	if end == i || b[i] == '0' && end > i+1 {
		return malformed
	}
	if i = end; i < len(b) && b[i] == '.' {
		if end = digitsEnd(b, i+1); end == i+1 {
			return malformed
		}
		i = end
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		if i++; i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		if end = digitsEnd(b, i); end == i {
			return malformed
		}
		i = end
	}
	return i
}
