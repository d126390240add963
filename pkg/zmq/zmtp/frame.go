// Package zmtp is the codec of the ZeroMQ Message Transport Protocol: frames, commands and metadata of versions
// 3.0 and 3.1 (RFC 23/ZMTP and RFC 37/ZMTP). It converts bytes to values and back and does no I/O, which is
// package zmq's.
//
// A frame is
//
//	+-------+--------+ - - - +              bit 0  MORE     another frame of this message follows
//	| flags | size   | body  |              bit 1  LONG     size has 8 bytes, else 1
//	+-------+--------+ - - - +              bit 2  COMMAND  the body is a command
//	  1       1 or 8   size bytes
//
// Numbers are big-endian. A command's body is
//
//	+--------+------+ - - - +
//	| length | name | data  |
//	+--------+------+ - - - +
//	  1        length
package zmtp

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Bits of a frame's flags. The others are reserved: sent as zero and ignored on receipt, as in libzmq.
const (
	More    = 0x01
	long    = 0x02
	Command = 0x04
)

// MaxHeader is how many bytes precede a frame's body at most.
const MaxHeader = 9

// TooLongError says that a peer has announced more than it may send. The stream cannot be resumed after it.
type TooLongError struct {
	Size  uint64 // bytes, as announced
	Limit int    // bytes that were allowed here
}

func (e *TooLongError) Error() string {
	return fmt.Sprintf("a frame of %d bytes where %d are allowed", e.Size, e.Limit)
}

// AppendFrame appends a frame to dst. flags is 0 or a sum of More and Command.
func AppendFrame(dst []byte, flags byte, body []byte) []byte {
	if len(body) <= 255 {
		dst = append(dst, flags, byte(len(body)))
	} else {
		dst = append(dst, flags|long)
		dst = binary.BigEndian.AppendUint64(dst, uint64(len(body)))
	}
	return append(dst, body...)
}

// AppendMessage appends a whole message to dst: one frame for each of frames, all but the last with More. It
// appends nothing if there are no frames.
func AppendMessage(dst []byte, frames ...[]byte) []byte {
	for i, body := range frames {
		var flags byte
		if i < len(frames)-1 {
			flags = More
		}
		dst = AppendFrame(dst, flags, body)
	}
	return dst
}

// HeaderSize returns how many bytes precede the body of the frame that b begins with. b holds one byte at least.
func HeaderSize(b []byte) int {
	if b[0]&long != 0 {
		return MaxHeader
	}
	return 2
}

// BodySize returns how many bytes the body has of the frame that b begins with. b holds the frame's header.
func BodySize(b []byte) int {
	if b[0]&long != 0 {
		return int(binary.BigEndian.Uint64(b[1:]))
	}
	return int(b[1])
}

// PutHeader writes the header of a frame whose body has size bytes to the beginning of b, and returns how many bytes
// it has. flags is 0 or a sum of More and Command.
func PutHeader(b []byte, flags byte, size int) (n int) {
	if size <= 255 {
		b[0], b[1] = flags, byte(size)
		return 2
	}
	b[0] = flags | long
	binary.BigEndian.PutUint64(b[1:], uint64(size))
	return MaxHeader
}

// Resize rewrites the header that b begins with: its frame gets a body of size bytes, no more than it had.
func Resize(b []byte, size int) {
	if b[0]&long != 0 {
		binary.BigEndian.PutUint64(b[1:], uint64(size))
	} else {
		b[1] = byte(size)
	}
}

// MessageSize returns how many bytes AppendMessage appends at most.
func MessageSize(frames ...[]byte) (n int) {
	for _, body := range frames {
		n += MaxHeader + len(body)
	}
	return n
}

// DecodeFrame decodes the first frame of b. n is the number of bytes of the frame, header included. If n
// exceeds len(b), more must be read, and n is how many bytes the next attempt needs at least. The body is a
// part of b. A body of more than limit bytes is a TooLongError, which is found from the header alone.
func DecodeFrame(b []byte, limit int) (flags byte, body []byte, n int, err error) {
	if len(b) < 2 {
		return 0, nil, 2, nil
	}
	flags = b[0]
	header, size := 2, uint64(b[1])
	if flags&long != 0 {
		if len(b) < MaxHeader {
			return 0, nil, MaxHeader, nil
		}
		header, size = MaxHeader, binary.BigEndian.Uint64(b[1:])
	}
	if limit < 0 || size > uint64(min(limit, math.MaxInt-MaxHeader)) {
		return 0, nil, 0, &TooLongError{Size: size, Limit: limit}
	}
	n = header + int(size)
	if n > len(b) {
		return 0, nil, n, nil
	}
	return flags &^ long, b[header:n:n], n, nil
}
