package delivery

import (
	"encoding/binary"
	"errors"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

// Conn is a connection from a sender. Values must be comparable: one value is one connection.
type Conn interface {
	// Send queues an answer without blocking. It returns false when the sender does not read its answers.
	Send(frames ...[]byte) bool
}

// Receiver turns what senders send into batches to store, and the fates of the messages into answers. One round is:
// Add any number of messages, store Batch, Settle each of its messages, Answer. It is for one goroutine.
//
// Add marks a number in the memory, so that a repeat within the round is recognized. Answer unmarks the numbers that
// were not stored.
//
// The work per message does not depend on how many the round has, or on how many connections they come from.
type Receiver struct {
	memory   Memory
	batch    []message.Message
	fates    []fate
	arrivals []arrival
	claimed  []*Seen          // whose holder has changed in this round
	repeated map[numbered]int // indices in batch of arrivals[:looked] with something to store; for pending
	looked   int
	replies  []reply
	replyOf  map[Conn]int // indices in replies
	seq      [SeqSize]byte

	Duplicates uint64 // repeats that were not stored again; the destination may find more
	Refused    uint64
}

// fate is what became of a message of the batch.
type fate struct {
	settled bool
	refusal error
}

// numbered identifies a message.
type numbered struct {
	from *Seen
	seq  uint64
}

// arrival is one message of a connection, in order.
type arrival struct {
	from   Conn
	seen   *Seen
	seq    uint64
	index  int   // in batch; below 0: there is nothing to store
	refuse error // why there is nothing to store; nil: it is a repeat
}

// stored reports whether a message is stored, now or earlier.
func (r *Receiver) stored(a *arrival) bool {
	if a.index < 0 {
		return a.refuse == nil
	}
	return r.fates[a.index].settled && r.fates[a.index].refusal == nil
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
	seen := source.seen
	switch {
	case source.refusal != nil:
		r.arrivals = append(r.arrivals, arrival{from: from, seen: seen, seq: seq, index: -1, refuse: source.refusal})
	case len(frames) == 1:
		r.arrivals = append(r.arrivals, arrival{from: from, seen: seen, seq: seq, index: -1, refuse: errNoPayload})
	case seen.Has(seq):
		r.Duplicates++
		r.arrivals = append(r.arrivals, arrival{from: from, seen: seen, seq: seq, index: r.pending(seen, seq)})
	default:
		seen.Mark(seq)
		m := message.FromFrames(frames[1:])
		m.Peer, m.User, m.Received = base.Peer, base.User, base.Received
		m.Sender, m.Seq, m.Claim = seen.name, seq, source.claim
		r.arrivals = append(r.arrivals, arrival{from: from, seen: seen, seq: seq, index: len(r.batch)})
		r.batch = append(r.batch, m)
		r.fates = append(r.fates, fate{})
	}
	return nil
}

// pending returns the index in the batch of this round's message with the same number; -1: it was stored earlier.
// Repeats are rare, because they follow a lost connection. The arrivals are therefore not indexed before the first one.
func (r *Receiver) pending(seen *Seen, seq uint64) int {
	if r.repeated == nil {
		r.repeated = make(map[numbered]int)
	}
	for ; r.looked < len(r.arrivals); r.looked++ {
		if a := &r.arrivals[r.looked]; a.index >= 0 {
			r.repeated[numbered{a.seen, a.seq}] = a.index
		}
	}
	if i, ok := r.repeated[numbered{seen, seq}]; ok {
		return i
	}
	return -1
}

// Batch returns the messages to store, in order. They are valid until Answer returns.
func (r *Receiver) Batch() []message.Message { return r.batch }

// Settle records that message i of the batch is stored (nil), or why it was refused.
func (r *Receiver) Settle(i int, refusal error) {
	r.fates[i] = fate{settled: true, refusal: refusal}
}

// Answer sends every sender its answers and begins a new round. A message that was not settled is not answered, nor
// is anything after it on its connection: the sender will send it again. Answer returns the connections that do not
// read their answers.
func (r *Receiver) Answer() (deaf []Conn) {
	for i := range r.arrivals {
		switch a := &r.arrivals[i]; {
		case r.stored(a):
			a.seen.settle(true)
		case a.index >= 0:
			a.seen.Unmark(a.seq)
		}
	}
	for _, s := range r.claimed {
		s.settle(false)
	}
	for i := range r.arrivals {
		a := &r.arrivals[i]
		reply := r.replyTo(a.from)
		if !reply.over {
			reply.over, reply.deaf = r.answer(a, reply)
		}
	}
	for i := range r.replies {
		if reply := &r.replies[i]; reply.deaf || !r.acknowledge(reply) {
			deaf = append(deaf, reply.to)
		}
	}
	r.begin()
	return deaf
}

// begin begins a new round and drops all references of the last one.
func (r *Receiver) begin() {
	clear(r.batch)
	clear(r.arrivals)
	clear(r.fates)
	for i := range r.replies {
		delete(r.replyOf, r.replies[i].to) // clear would take as long as the largest round so far had connections
	}
	clear(r.replies)
	clear(r.claimed)
	clear(r.repeated)
	r.batch, r.fates, r.arrivals, r.replies = r.batch[:0], r.fates[:0], r.arrivals[:0], r.replies[:0]
	r.claimed = r.claimed[:0]
	r.looked = 0
}

// reply is what a connection is answered in one round: as few acknowledgements as possible, because the sender reads
// them one by one.
type reply struct {
	to     Conn
	stored uint64 // the last number that is stored and not acknowledged yet; 0: none
	over   bool   // nothing more may be answered in this round
	deaf   bool   // the sender does not read its answers
}

// replyTo finds or begins the reply to a connection. It is mostly the last one.
func (r *Receiver) replyTo(to Conn) *reply {
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

// answer adds the answer to one message. over means that nothing after it may be answered.
func (r *Receiver) answer(a *arrival, reply *reply) (over, deaf bool) {
	refusal := a.refuse
	if a.index >= 0 {
		if !r.fates[a.index].settled {
			return true, false
		}
		refusal = r.fates[a.index].refusal
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
