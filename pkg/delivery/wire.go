// Package delivery is acknowledged delivery over ZeroMQ, both ends, and the account of what is owed that all
// levels of confirmation share. A Sender owes each line that it accepted until it is confirmed; a Receiver stores
// and acknowledges, and remembers what it has stored. Neither does any input or output of its own.
//
// On the wire, version 1: the sender is a DEALER whose routing identity is its sender id, the receiver a ROUTER.
//
//	sender id            0x01, 16 random bytes
//	sender → receiver    [seq: 8 bytes, big-endian] [topic] [payload]
//	receiver → sender    [seq]                     stored: this message and every earlier one sent on this connection
//	receiver → sender    [seq] [reason: text]      refused: this one message
//
// An acknowledgement speaks of one connection, and a number is answered once. Numbers begin at 1 and rise by
// one per message over all connections of a sender. What a lost connection still owed is sent again, with its
// number, to another receiver or to the same one, which knows it by its number. A sender that was killed comes back with
// its sender id before the ROUTER may have noticed: one in libzmq needs ZMQ_ROUTER_HANDOVER to accept it.
package delivery

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
)

// SeqSize is the size of a sequence number's frame, in bytes.
const SeqSize = 8

const (
	version  = 0x01
	idSize   = 17  // bytes
	maxCause = 500 // bytes of a refusal's reason
)

// SenderID is a sender's name, and its routing identity on every connection.
type SenderID [idSize]byte

// NewSenderID makes a name that no other sender has. A sender whose numbers begin again takes a new one.
func NewSenderID() SenderID {
	id := SenderID{version}
	rand.Read(id[1:]) // never fails (crypto/rand)
	return id
}

// ParseSenderID reads a routing identity. The error tells an operator what kind of peer this may be.
func ParseSenderID(identity []byte) (SenderID, error) {
	if len(identity) != idSize || identity[0] != version {
		return SenderID{}, fmt.Errorf("routing identity of %d bytes is not that of an acknowledged sender, version 1 (17 bytes, the first 0x01): "+
			"a plain DEALER needs --ack=false here", len(identity))
	}
	return SenderID(identity), nil
}

// ParseSeq reads a sequence number's frame. Numbers begin at 1.
func ParseSeq(frame []byte) (uint64, error) {
	if len(frame) != SeqSize {
		return 0, fmt.Errorf("sequence number of %d bytes: 8 are due", len(frame))
	}
	seq := binary.BigEndian.Uint64(frame)
	if seq == 0 {
		return 0, fmt.Errorf("sequence number 0: numbers begin at 1")
	}
	return seq, nil
}

// Answer is what a receiver says about a message.
type Answer struct {
	Seq     uint64
	Refused bool
	Reason  string // why it was refused; printable, may be empty
}

// ParseAnswer reads an answer's frames.
func ParseAnswer(frames [][]byte) (Answer, error) {
	if len(frames) != 1 && len(frames) != 2 {
		return Answer{}, fmt.Errorf("an answer of %d frames: 1 (stored) or 2 (refused) are due", len(frames))
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

// printable makes a stranger's text fit for one line of a log.
func printable(text []byte) string {
	text = text[:min(len(text), maxCause)]
	clean := make([]rune, 0, len(text))
	for _, r := range string(text) {
		if r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) || r == '\u2028' || r == '\u2029' {
			r = ' '
		}
		clean = append(clean, r)
	}
	return string(clean)
}
