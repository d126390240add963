package curve

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	//lint:ignore SA1019 see box.go
	"golang.org/x/crypto/poly1305"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmtp"
)

// A MESSAGE is an ordinary frame, whose body is (RFC 25; how libzmq differs from it is in the comments)
//
//	+-----------+---------+-----+-------+- - - - +        flags  bit 0  MORE
//	| 7 MESSAGE | counter | tag | flags | body   |               bit 1  COMMAND (libzmq; RFC 26 has no such bit)
//	+-----------+---------+-----+-------+- - - - +
//	      8          8      16      1              flags and body are in the box
//
// Every frame and every command of the clear protocol is a MESSAGE of its own. The outer frame has neither flag: libzmq
// throws away what has COMMAND outside.

// Overhead is how many bytes a MESSAGE has in addition to the body in it.
const Overhead = nameSize + counterSize + tagSize + 1

const (
	messageName = "\x07MESSAGE"
	nameSize    = len(messageName)
	counterSize = 8

	moreInside    = 0x01
	commandInside = 0x02
)

// Session is what a handshake has agreed on: the keys for both directions of one connection.
type Session struct {
	Sealer Sealer
	Opener Opener
}

// newSession returns the session of a key that both ends share, on the server's or the client's side. sent and received
// are the counters that the handshake has used last.
func newSession(shared *[32]byte, server bool, sent, received uint64) *Session {
	const fromServer, fromClient = "CurveZMQMESSAGES", "CurveZMQMESSAGEC"
	out, in := fromClient, fromServer
	if server {
		out, in = in, out
	}
	return &Session{
		Sealer: Sealer{box: newBox(shared, out), counter: sent},
		Opener: Opener{box: newBox(shared, in), counter: received},
	}
}

// AppendFrame appends a frame to dst in which Seal can seal its body where it is. flags are those of package zmtp.
func AppendFrame(dst []byte, flags byte, body []byte) []byte {
	var start [zmtp.MaxHeader + Overhead]byte // all but the body: the counter and the tag are Seal's
	n := zmtp.PutHeader(start[:], 0, len(body)+Overhead)
	copy(start[n:], messageName)
	n += Overhead
	start[n-1] = outside(flags)
	return append(append(dst, start[:n]...), body...)
}

// AppendMessage is zmtp.AppendMessage with AppendFrame's frames.
func AppendMessage(dst []byte, frames ...[]byte) []byte {
	for i, body := range frames {
		var flags byte
		if i < len(frames)-1 {
			flags = zmtp.More
		}
		dst = AppendFrame(dst, flags, body)
	}
	return dst
}

// AppendFrames is AppendFrame for each of the frames that wire holds, all of them whole.
func AppendFrames(dst, wire []byte) []byte {
	for len(wire) > 0 {
		flags, body, n, err := zmtp.DecodeFrame(wire, math.MaxInt)
		if err != nil || n > len(wire) {
			panic("curve: a frame that is not whole")
		}
		dst, wire = AppendFrame(dst, flags, body), wire[n:]
	}
	return dst
}

// Sealer seals what one end sends. One goroutine may use it, in the order in which the frames are written.
type Sealer struct {
	box     box
	counter uint64 // of the last MESSAGE
}

// Seal seals the frames that AppendFrame has made, as many as have together no more than most bytes, but at least one.
// It returns how many bytes they have. They can be sent as they are, and must not be sealed again. After 2^64-1
// commands there is nothing left to number a MESSAGE with (RFC 26): then it returns an error, and the connection is to
// be closed.
func (s *Sealer) Seal(frames []byte, most int) (size int, err error) {
	for size < len(frames) {
		body := zmtp.HeaderSize(frames[size:])
		end := size + body + zmtp.BodySize(frames[size:])
		if end > most && size > 0 {
			break
		}
		if s.counter == math.MaxUint64 {
			return size, errSpent
		}
		s.counter++
		body += size
		binary.BigEndian.PutUint64(frames[body+nameSize:], s.counter)
		tag := s.box.seal(s.counter, frames[body+Overhead-1:end])
		copy(frames[body+nameSize+counterSize:], tag[:])
		size = end
	}
	return size, nil
}

var errSpent = errors.New("this connection has sent all the MESSAGEs that it can number")

// Opener opens what one end receives. One goroutine may use it.
type Opener struct {
	box     box
	counter uint64 // of the last MESSAGE
}

// Errors of Open. None of them can happen on a connection that nobody has altered.
var (
	errNoMessage = errors.New("a frame that is no CURVE MESSAGE")
	errForged    = errors.New("a MESSAGE that was altered, or is not the peer's")
)

// Open opens the MESSAGE whose body this is, where it is, and returns the flags of the frame in it as package zmtp has
// them, and its body, which is the end of message. After an error the stream cannot be trusted any more.
func (o *Opener) Open(message []byte) (flags byte, body []byte, err error) {
	counter, err := o.next(message)
	if err != nil {
		return 0, nil, err
	}
	tag := [tagSize]byte(message[nameSize+counterSize:])
	text := message[Overhead-1:]
	if !o.box.open(counter, text, &tag) {
		return 0, nil, errForged
	}
	o.counter = counter
	return inside(text[0]), text[1:], nil
}

// next returns the counter of the MESSAGE that this begins. Every implementation counts in steps of one (RFC 26: "an
// 8-octet sequential number"), and the transport loses nothing: a number that is left out is that of a MESSAGE which
// somebody has removed. libzmq takes what follows then, and makes one message of two if it was a message's last frame.
func (o *Opener) next(message []byte) (counter uint64, err error) {
	if len(message) < Overhead || string(message[:nameSize]) != messageName {
		return 0, errNoMessage
	}
	counter = binary.BigEndian.Uint64(message[nameSize:])
	if counter == 0 || counter-1 != o.counter {
		return 0, fmt.Errorf("MESSAGE number %d after number %d: it was sent again, or in another order, "+
			"or one before it was removed", counter, o.counter)
	}
	return counter, nil
}

// inside and outside convert a frame's flags: from those in a box to those of package zmtp, and back.
func inside(b byte) (flags byte) {
	if b&moreInside != 0 {
		flags |= zmtp.More
	}
	if b&commandInside != 0 {
		flags |= zmtp.Command
	}
	return flags
}

func outside(flags byte) (b byte) {
	if flags&zmtp.More != 0 {
		b |= moreInside
	}
	if flags&zmtp.Command != 0 {
		b |= commandInside
	}
	return b
}

// Cut opens a MESSAGE of which only the beginning is kept, although all of it is needed to know that it is genuine.
type Cut struct {
	opener  *Opener
	counter uint64
	tag     [tagSize]byte
	mac     *poly1305.MAC
}

// Cut begins to open a MESSAGE whose body begins with these bytes, Overhead of them at least.
func (o *Opener) Cut(beginning []byte) (*Cut, error) {
	counter, err := o.next(beginning)
	if err != nil {
		return nil, err
	}
	c := &Cut{opener: o, counter: counter, tag: [tagSize]byte(beginning[nameSize+counterSize:])}
	in := nonce(counter)
	o.box.begin(&in, run)
	key := [lead]byte(o.box.run[:])
	c.mac = poly1305.New(&key)
	c.Skip(beginning[Overhead-1:])
	return c, nil
}

// Skip takes further bytes of the body, which are not kept.
func (c *Cut) Skip(more []byte) { c.mac.Write(more) } //nolint:errcheck // it has none

// Open is Opener.Open for the bytes that the MESSAGE was begun with, after all others were skipped.
func (c *Cut) Open(beginning []byte) (flags byte, body []byte, err error) {
	if !c.mac.Verify(c.tag[:]) {
		return 0, nil, errForged
	}
	text := beginning[Overhead-1:]
	in := nonce(c.counter)
	c.opener.box.begin(&in, run)
	c.opener.box.xor(&in, text)
	c.opener.counter = c.counter
	return inside(text[0]), text[1:], nil
}
