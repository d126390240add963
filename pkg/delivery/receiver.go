package delivery

import (
	"encoding/binary"
	"errors"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

// Conn is a connection from a sender. Values must be comparable: one value is one connection.
type Conn interface {
	// Send answers, without blocking; false when the sender does not take its answers.
	Send(frames ...[]byte) bool
}

// Receiver turns what senders send into batches to be stored, and what has become of them into answers. One
// round is: Add any number of messages, store Batch and tell each message's fate to Settle, Answer. One goroutine
// uses it.
//
// A number is marked in the memory when it is added, so that its repeat within the round is known, and unmarked
// when it turns out not to be stored.
type Receiver struct {
	memory   Memory
	batch    []message.Message
	fates    []fate
	arrivals []arrival
	said     []said
	seq      [SeqSize]byte

	Duplicates uint64 // repeats that were not stored again; who stores may know of more
	Refused    uint64 // messages refused
}

// fate is what has become of a message of the batch.
type fate struct {
	settled bool
	refusal error
}

// arrival is one message of a connection, in order.
type arrival struct {
	from   Conn
	window *Window
	seq    uint64
	index  int   // in batch; below 0: it needs no storing
	refuse error // when it needs none because it is no message
}

var errNoPayload = errors.New("a message without a payload's frame behind the number")

// Add takes one message of the sender id from a connection. frames begin with the number; base gives what every message of
// its connection has in common. The frames must stay as they are until Answer returns. An error means that the
// connection does not speak the protocol and should be dropped.
func (r *Receiver) Add(from Conn, id SenderID, frames [][]byte, base message.Message) error {
	seq, err := ParseSeq(frames[0])
	if err != nil {
		return err
	}
	window := r.memory.Sender(id)
	switch {
	case len(frames) == 1:
		r.arrivals = append(r.arrivals, arrival{from: from, window: window, seq: seq, index: -1, refuse: errNoPayload})
	case window.Has(seq):
		r.Duplicates++
		r.arrivals = append(r.arrivals, arrival{from: from, window: window, seq: seq, index: r.pending(window, seq)})
	default:
		window.Mark(seq)
		m := message.FromFrames(frames[1:])
		m.Peer, m.User, m.Received = base.Peer, base.User, base.Received
		m.Sender, m.Seq = window.name, seq
		r.arrivals = append(r.arrivals, arrival{from: from, window: window, seq: seq, index: len(r.batch)})
		r.batch = append(r.batch, m)
		r.fates = append(r.fates, fate{})
	}
	return nil
}

// pending finds the message of this round that has the same number; -1 means that it was stored before.
// Repeats are rare: they follow a lost connection.
func (r *Receiver) pending(window *Window, seq uint64) int {
	for i := len(r.arrivals) - 1; i >= 0; i-- {
		if a := &r.arrivals[i]; a.window == window && a.seq == seq && a.index >= 0 {
			return a.index
		}
	}
	return -1
}

// Batch is what is to be stored, in order.
func (r *Receiver) Batch() []message.Message { return r.batch }

// Settle tells that message i of the batch is stored, or was refused and why.
func (r *Receiver) Settle(i int, refusal error) {
	r.fates[i] = fate{settled: true, refusal: refusal}
}

// Answer tells every sender what has become of its messages and begins a new round. What was not settled is not
// answered, nor is anything behind it on its connection: the sender will send it again. It returns the
// connections that do not take their answers.
func (r *Receiver) Answer() (deaf []Conn) {
	for i := range r.arrivals {
		if a := &r.arrivals[i]; a.index >= 0 && (!r.fates[a.index].settled || r.fates[a.index].refusal != nil) {
			a.window.Unmark(a.seq)
		}
	}
	r.said = r.said[:0]
	for i := range r.arrivals {
		a := &r.arrivals[i]
		said := r.saidTo(a.from)
		if !said.over {
			said.over, said.deaf = r.answer(a, said)
		}
	}
	for i := range r.said {
		if said := &r.said[i]; said.deaf || !r.acknowledge(said) {
			deaf = append(deaf, said.to)
		}
	}
	clear(r.batch)
	clear(r.arrivals)
	clear(r.fates)
	r.batch, r.fates, r.arrivals = r.batch[:0], r.fates[:0], r.arrivals[:0]
	return deaf
}

// said is what a connection is told in a round: as few acknowledgements as possible, for a sender reads them one by one.
type said struct {
	to     Conn
	stored uint64 // the last number stored and not acknowledged yet; 0: none
	over   bool   // nothing more may be said in this round
	deaf   bool
}

// saidTo finds a connection's account. Mostly it is that of the message before.
func (r *Receiver) saidTo(to Conn) *said {
	for i := len(r.said) - 1; i >= 0; i-- {
		if r.said[i].to == to {
			return &r.said[i]
		}
	}
	r.said = append(r.said, said{to: to})
	return &r.said[len(r.said)-1]
}

// answer says what has become of one message. over: nothing behind it may be answered.
func (r *Receiver) answer(a *arrival, said *said) (over, deaf bool) {
	refusal := a.refuse
	if a.index >= 0 {
		if !r.fates[a.index].settled {
			return true, false
		}
		refusal = r.fates[a.index].refusal
	}
	if refusal == nil {
		said.stored = a.seq
		return false, false
	}
	r.Refused++
	if !r.acknowledge(said) || !a.from.Send(binary.BigEndian.AppendUint64(nil, a.seq), []byte(refusal.Error())) {
		return true, true
	}
	return false, false
}

// acknowledge says that what was stored is stored.
func (r *Receiver) acknowledge(said *said) bool {
	if said.stored == 0 {
		return true
	}
	binary.BigEndian.PutUint64(r.seq[:], said.stored)
	said.stored = 0
	return said.to.Send(r.seq[:])
}
