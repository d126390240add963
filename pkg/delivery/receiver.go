package delivery

import (
	"encoding/binary"
	"errors"
	"slices"

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
	seq      [SeqSize]byte

	Duplicates uint64 // repeats that were not stored again
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

var (
	errNoPayload = errors.New("a message without a payload's frame behind the number")
	errDeaf      = errors.New("the sender does not take its answers")
)

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
		m.Peer, m.User, m.Received, m.Seq = base.Peer, base.User, base.Received, seq
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
	var silent []Conn // nothing more may be said on these: an answer speaks for all before it
	for start := 0; start < len(r.arrivals); {
		from, end := r.arrivals[start].from, start+1
		for end < len(r.arrivals) && r.arrivals[end].from == from {
			end++
		}
		if !slices.Contains(silent, from) {
			all, err := r.answerRun(r.arrivals[start:end])
			if err != nil {
				deaf = append(deaf, from)
			}
			if !all {
				silent = append(silent, from)
			}
		}
		start = end
	}
	clear(r.batch)
	clear(r.arrivals)
	clear(r.fates)
	r.batch, r.fates, r.arrivals = r.batch[:0], r.fates[:0], r.arrivals[:0]
	return deaf
}

// answerRun answers consecutive messages of one connection: one acknowledgement for as many as were stored in a
// row. all is false when it had to stop before the end.
func (r *Receiver) answerRun(run []arrival) (all bool, err error) {
	var stored uint64
	all = true
	for i := range run {
		a := &run[i]
		refusal := a.refuse
		if a.index >= 0 {
			if !r.fates[a.index].settled {
				all = false
				break
			}
			refusal = r.fates[a.index].refusal
		}
		if refusal == nil {
			stored = a.seq
			continue
		}
		r.Refused++
		if err := r.acknowledge(a.from, stored); err != nil {
			return false, err
		}
		stored = 0
		if !a.from.Send(binary.BigEndian.AppendUint64(nil, a.seq), []byte(refusal.Error())) {
			return false, errDeaf
		}
	}
	return all, r.acknowledge(run[0].from, stored)
}

// acknowledge says that seq is stored; 0 stands for nothing to say.
func (r *Receiver) acknowledge(to Conn, seq uint64) error {
	if seq == 0 {
		return nil
	}
	binary.BigEndian.PutUint64(r.seq[:], seq)
	if !to.Send(r.seq[:]) {
		return errDeaf
	}
	return nil
}
