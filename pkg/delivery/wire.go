// Package delivery is acknowledged delivery over ZeroMQ, both ends, and the account of unconfirmed lines that all
// levels of confirmation share. A Sender owes each line that it accepted until the line is confirmed. A Receiver has
// messages stored, acknowledges them, and remembers what is stored. Neither does any I/O of its own.
//
// On the wire, version 1: the sender is a DEALER whose routing identity is its sender id, the receiver a ROUTER.
//
//	sender id            0x01, 16 random bytes
//	sender → receiver    [seq: 8 bytes, big-endian] [topic] [payload]
//	receiver → sender    [seq]                     stored: this message and every earlier one sent on this connection
//	receiver → sender    [seq] [reason: text]      refused: this one message
//
// In the handshake's metadata a sender says which process it is, and which numbers are new. By that a receiver tells
// two senders with one id from one sender and its successor. Without X-Instance it cannot.
//
//	X-Instance           1 to 64 printable characters, others in each process
//	X-First              decimal: lower numbers were given to messages by an earlier process; missing: this one gives
//	                     out none, and only sends what another has left
//
// An acknowledgement concerns one connection only, and a number is answered once. Numbers begin at 1 and rise by one
// per message over all connections of a sender. The highest is 2^63-1, which no sender reaches: a higher one, like any
// other malformed message, ends its connection. What was unconfirmed on a lost connection is sent again, under its
// number, to another receiver or to the same one, which recognizes the number. A sender that was killed may come back
// with its id before the ROUTER notices the loss: a ROUTER of libzmq needs ZMQ_ROUTER_HANDOVER to accept it.
package delivery

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

// SeqSize is the size of a sequence number's frame, in bytes.
const SeqSize = 8

const (
	version   = 0x01
	idSize    = 17  // bytes
	maxReason = 500 // bytes of a refusal's reason that are read
	maxSeq    = math.MaxInt64
)

// SenderID identifies a sender: its routing identity on every connection.
type SenderID [idSize]byte

// NewSenderID returns an id that no other sender has. A sender whose numbers begin again takes a new one.
func NewSenderID() SenderID {
	id := SenderID{version}
	rand.Read(id[1:]) // never fails (crypto/rand)
	return id
}

// ParseSenderID reads a routing identity. Its error tells the operator what kind of peer this may be.
func ParseSenderID(identity []byte) (SenderID, error) {
	if len(identity) != idSize || identity[0] != version {
		return SenderID{}, fmt.Errorf("routing identity of %d bytes is not that of an acknowledged sender, version 1 "+
			"(17 bytes, the first 0x01): a plain DEALER needs --ack=false here", len(identity))
	}
	return SenderID(identity), nil
}

// The properties of a sender's handshake.
const (
	InstanceProperty = "X-Instance"
	FirstProperty    = "X-First"
)

const maxInstance = 64 // bytes

// NewInstance returns the X-Instance of a process.
func NewInstance() string {
	var random [16]byte
	rand.Read(random[:]) // never fails (crypto/rand)
	return hex.EncodeToString(random[:])
}

// ParseInstance reads a sender's properties. What is malformed is not known.
func ParseInstance(instance, first string) (claim message.Claim) {
	number, err := strconv.ParseUint(first, 10, 63)
	if (err != nil || number == 0) && first != "" || instance == "" || len(instance) > maxInstance ||
		strings.ContainsFunc(instance, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return claim
	}
	return message.Claim{Instance: instance, First: number}
}

// ParseSeq reads the frame of a sequence number, from 1 to 2^63-1.
func ParseSeq(frame []byte) (uint64, error) {
	if len(frame) != SeqSize {
		return 0, fmt.Errorf("sequence number of %d bytes, want 8", len(frame))
	}
	seq := binary.BigEndian.Uint64(frame)
	if seq == 0 || seq > maxSeq {
		return 0, fmt.Errorf("sequence number %d: numbers begin at 1 and rise by one, to 2^63-1", seq)
	}
	return seq, nil
}

// Answer is a receiver's answer to a message.
type Answer struct {
	Seq     uint64
	Refused bool
	Reason  string // why it was refused: printable, at most maxReason bytes were read; may be empty
}

// ParseAnswer reads the frames of an answer.
func ParseAnswer(frames [][]byte) (Answer, error) {
	if len(frames) != 1 && len(frames) != 2 {
		return Answer{}, fmt.Errorf("an answer of %d frames, want 1 (stored) or 2 (refused)", len(frames))
	}
	seq, err := ParseSeq(frames[0])
	if err != nil {
		return Answer{}, err
	}
	if len(frames) == 1 {
		return Answer{Seq: seq}, nil
	}
	return Answer{Seq: seq, Refused: true, Reason: printable(frames[1])}, nil
}

// printable makes a text from the network fit for one line of a log.
func printable(text []byte) string {
	text = text[:min(len(text), maxReason)]
	clean := make([]rune, 0, len(text))
	for _, r := range string(text) {
		if r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) || r == '\u2028' || r == '\u2029' {
			r = ' '
		}
		clean = append(clean, r)
	}
	return string(clean)
}
