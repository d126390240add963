package delivery

import (
	"encoding/binary"
	"errors"
	"slices"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

// Conn is a connection from a sender. Values must be comparable: one value is one connection.
type Conn interface {
	// Send queues an answer without blocking. It returns false when the sender does not read its answers.
	Send(frames ...[]byte) bool
}

// Receiver turns what senders send into batches to store, and the fates of the messages into answers. One round is:
// Add any number of messages, Close, store the batch, Settle each of its messages, Answer. The next round may begin
// while the batch is being stored: Add and Close concern the round that is open, Settle and Answer the oldest of those
// that are closed. It is for one goroutine.
//
// Add marks a number in the memory, so that a repeat in this round, or in one that is not answered yet, is recognized.
// Answer unmarks the numbers that were not stored.
//
// The work per message does not depend on how many the round has, or on how many connections they come from.
type Receiver struct {
	memory Memory
	open   *round
	closed []*round // the oldest first
	spare  []*round // answered ones, whose memory is used again
	seq    [SeqSize]byte

	Duplicates uint64 // repeats that were not stored again; the destination may find more
	Refused    uint64
}

// fate is what became of a message of the batch.
type fate struct {
	settled bool
	refusal error
	left    bool // it is not settled, nor is anything else of its connection any more
}

var errNoPayload = errors.New("the message has no payload frame after its number")

// Add takes one message of a source from a connection. The first of frames is the number; base holds what all
// messages of the connection have in common. The frames must not change until Answer returns. An error means that the
// connection does not speak the protocol and should be dropped.
func (r *Receiver) Add(from Conn, source Source, frames [][]byte, base message.Message) error {
	seq, err := ParseSeq(frames[0])
	if err != nil {
		return err
	}
	seen, to := source.seen, r.opened()
	switch {
	case source.refusal != nil:
		to.arrivals = append(to.arrivals, arrival{from: from, seen: seen, seq: seq, index: -1, refuse: source.refusal})
	case len(frames) == 1:
		to.arrivals = append(to.arrivals, arrival{from: from, seen: seen, seq: seq, index: -1, refuse: errNoPayload})
	case seen.Has(seq):
		r.Duplicates++
		r.addRepeat(arrival{from: from, seen: seen, seq: seq, index: -1})
	default:
		seen.Mark(seq)
		m := message.FromFrames(frames[1:])
		m.Peer, m.User, m.Received, m.Conn = base.Peer, base.User, base.Received, base.Conn
		m.Sender, m.Seq, m.Claim = seen.name, seq, source.claim
		to.arrivals = append(to.arrivals, arrival{from: from, seen: seen, seq: seq, index: len(to.batch)})
		to.batch = append(to.batch, m)
		to.fates = append(to.fates, fate{})
	}
	return nil
}

// Settle records that message i of the batch is stored (nil), or why it was refused.
func (r *Receiver) Settle(i int, refusal error) {
	r.oldest().fates[i] = fate{settled: true, refusal: refusal}
}

// Leave leaves message i of the batch to another receiver. It is not answered, nor is anything after it on its
// connection, or on one that has repeated it. Those are to be ended: the sender will send it again, elsewhere.
func (r *Receiver) Leave(i int) { r.oldest().fates[i] = fate{left: true} }

// Answer sends every sender of the oldest closed round its answers. A message that was not settled is not answered, nor
// is anything after it on its connection: the sender will send it again. Answer returns the connections that do not
// read their answers, and those of messages that are left to another receiver.
func (r *Receiver) Answer() (deaf, left []Conn) {
	c := r.oldest()
	r.closed = slices.Delete(r.closed, 0, 1)
	for i := range c.arrivals {
		switch a := &c.arrivals[i]; {
		case c.stored(a):
			a.seen.settle(true)
		case a.index >= 0:
			a.seen.Unmark(a.seq)
		}
	}
	for _, s := range c.claimed {
		s.settle(false)
	}
	for i := range c.arrivals {
		a := &c.arrivals[i]
		reply := c.replyTo(a.from)
		reply.left = reply.left || c.leaves(a)
		if !reply.over {
			reply.over, reply.deaf = r.answer(a, reply, c)
		}
	}
	for i := range c.replies {
		reply := &c.replies[i]
		if reply.deaf || !r.acknowledge(reply) {
			deaf = append(deaf, reply.to)
		}
		if reply.left {
			left = append(left, reply.to)
		}
	}
	r.resolve(c)
	if len(left) > 0 {
		r.leave(c)
	}
	c.clear()
	r.spare = append(r.spare, c)
	return deaf, left
}

// reply is what a connection is answered in one round: as few acknowledgements as possible, because the sender reads
// them one by one.
type reply struct {
	to     Conn
	stored uint64 // the last number that is stored and not acknowledged yet; 0: none
	over   bool   // nothing more may be answered in this round
	deaf   bool   // the sender does not read its answers
	left   bool   // one of its messages is left to another receiver
}

// replyTo finds or begins the reply to a connection. It is mostly the last one.
func (r *round) replyTo(to Conn) *reply {
	if last := len(r.replies) - 1; last >= 0 && r.replies[last].to == to {
		return &r.replies[last]
	}
	i, begun := r.replyOf[to]
	if !begun {
		if r.replyOf == nil {
			r.replyOf = make(map[Conn]int)
		}
		i = len(r.replies)
		r.replyOf[to] = i
		r.replies = append(r.replies, reply{to: to})
	}
	return &r.replies[i]
}

// answer adds the answer to one message of a round. over means that nothing after it may be answered.
func (r *Receiver) answer(a *arrival, reply *reply, of *round) (over, deaf bool) {
	refusal := a.refuse
	if a.index >= 0 {
		if !of.fates[a.index].settled {
			return true, false
		}
		refusal = of.fates[a.index].refusal
	}
	if a.unsettled {
		return true, false
	}
	if refusal == nil {
		reply.stored = a.seq
		return false, false
	}
	r.Refused++
	if !r.acknowledge(reply) || !a.from.Send(binary.BigEndian.AppendUint64(nil, a.seq), []byte(refusal.Error())) {
		return true, true
	}
	return false, false
}

// acknowledge sends the acknowledgement that is due, if any.
func (r *Receiver) acknowledge(reply *reply) bool {
	if reply.stored == 0 {
		return true
	}
	binary.BigEndian.PutUint64(r.seq[:], reply.stored)
	reply.stored = 0
	return reply.to.Send(r.seq[:])
}
