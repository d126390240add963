package message

import "bytes"

// AppendLine appends the payload as one line of text, without a terminator. A line feed becomes #012 and a
// NUL #000, as rsyslog writes them; everything else stays as it is. The escape is not reversible: a payload
// may itself hold the four characters #012.
func AppendLine(dst, payload []byte) []byte {
	if IsLine(payload) {
		return append(dst, payload...)
	}
	from := 0
	for i, c := range payload {
		var escaped string
		switch c {
		case '\n':
			escaped = "#012"
		case 0:
			escaped = "#000"
		default:
			continue
		}
		dst = append(dst, payload[from:i]...)
		dst = append(dst, escaped...)
		from = i + 1
	}
	return append(dst, payload[from:]...)
}

// IsLine reports whether AppendLine would leave the payload as it is.
func IsLine(payload []byte) bool {
	return bytes.IndexByte(payload, '\n') < 0 && bytes.IndexByte(payload, 0) < 0
}
