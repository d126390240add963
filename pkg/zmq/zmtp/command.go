package zmtp

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Names of commands. SUBSCRIBE and CANCEL are of version 3.1; 3.0 sends messages that begin with 1 or 0 instead.
const (
	Ready     = "READY"
	Error     = "ERROR"
	Hello     = "HELLO"    // PLAIN and CURVE
	Welcome   = "WELCOME"  // the same
	Initiate  = "INITIATE" // the same
	Subscribe = "SUBSCRIBE"
	Cancel    = "CANCEL"
	Ping      = "PING"
	Pong      = "PONG"
)

// maxContext is how many bytes the context of a PING may have (RFC 37).
const maxContext = 16

// AppendCommand appends a command's frame to dst. The name has 1 to 255 bytes.
func AppendCommand(dst []byte, name string, data []byte) []byte {
	size := 1 + len(name) + len(data)
	if size <= 255 {
		dst = append(dst, Command, byte(size))
	} else {
		dst = append(dst, Command|long)
		dst = binary.BigEndian.AppendUint64(dst, uint64(size))
	}
	dst = append(dst, byte(len(name)))
	dst = append(dst, name...)
	return append(dst, data...)
}

// ParseCommand splits a command's body into name and data, both parts of body.
func ParseCommand(body []byte) (name, data []byte, err error) {
	if len(body) == 0 || body[0] == 0 {
		return nil, nil, errors.New("a command without a name")
	}
	end := 1 + int(body[0])
	if end > len(body) {
		return nil, nil, fmt.Errorf("a command's name of %d bytes in a body of %d", body[0], len(body))
	}
	return body[1:end], body[end:], nil
}

// PingContext returns the part of a PING's data that a PONG must echo: what follows the two bytes of the
// time-to-live, at most 16 bytes (RFC 37; libzmq truncates longer ones, too).
func PingContext(data []byte) []byte {
	if len(data) <= 2 {
		return nil
	}
	return data[2:min(len(data), 2+maxContext)]
}

// PingTTL returns a PING's time-to-live in tenths of a second: its sender is to be taken for gone when nothing more
// comes from it for that long. 0: it sets no time (RFC 37).
func PingTTL(data []byte) (tenths int) {
	if len(data) < 2 {
		return 0
	}
	return int(binary.BigEndian.Uint16(data))
}

// AppendPing appends a PING without a context. With its time-to-live of 0 the peer starts no timer of its own;
// libzmq multiplies larger values in 16 bits, which overflows.
func AppendPing(dst []byte) []byte {
	return AppendCommand(dst, Ping, []byte{0, 0})
}

// ErrorReason returns the text of an ERROR command's data, quoted for a log.
func ErrorReason(data []byte) string {
	if len(data) == 0 || int(data[0]) != len(data)-1 {
		return "(malformed reason)"
	}
	return fmt.Sprintf("%q", data[1:])
}
