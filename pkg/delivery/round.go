package delivery

import (
	"slices"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

// round is what is stored and answered together.
type round struct {
	batch     []message.Message
	fates     []fate
	arrivals  []arrival
	claimed   []*Seen          // whose holder has changed in this round
	repeated  map[numbered]int // indices in batch of arrivals[:looked] with something to store; for pending
	looked    int
	elsewhere []int // indices of arrivals that repeat a message of an earlier round
	replies   []reply
	replyOf   map[Conn]int // indices in replies
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

	// For a repeat of a message of a round that was not answered: that round, and its index there, and then what became
	// of it.
	of        *round
	at        int
	unsettled bool
	left      bool
}

// opened returns the open round.
func (r *Receiver) opened() *round {
	if r.open == nil {
		if last := len(r.spare) - 1; last >= 0 {
			r.open, r.spare = r.spare[last], r.spare[:last]
		} else {
			r.open = &round{}
		}
	}
	return r.open
}

// Close ends the open round and returns its messages, in order, which are to be stored. They are valid until Answer has
// answered the round.
func (r *Receiver) Close() []message.Message {
	c := r.opened()
	r.closed, r.open = append(r.closed, c), nil
	return c.batch
}

// oldest returns the round that is answered next. If none is closed, the open one is from now on.
func (r *Receiver) oldest() *round {
	if len(r.closed) == 0 {
		r.Close()
	}
	return r.closed[0]
}

// Batch returns the messages of the round that is answered next; of the open one if none is closed.
func (r *Receiver) Batch() []message.Message {
	if len(r.closed) == 0 {
		return r.opened().batch
	}
	return r.closed[0].batch
}

// Pending reports whether a batch of the sender must wait until the closed rounds are answered: who holds the id
// depends on what becomes of them. claim is as for Source.
func (r *Receiver) Pending(id SenderID, claim *message.Claim) bool {
	el := r.memory.senders[id]
	if len(r.closed) == 0 || el == nil {
		return false
	}
	if claim == nil {
		claim = &message.Claim{}
	}
	s := el.Value.(*Seen)
	return s.holding && s.since != r.open || s.holds(claim) != s.holder
}

// addRepeat adds a repeat to the open round. Its fate is that of the message that it repeats.
func (r *Receiver) addRepeat(a arrival) {
	to := r.opened()
	if a.index = to.pending(a.seen, a.seq); a.index < 0 {
		for _, earlier := range r.closed {
			if i := earlier.pending(a.seen, a.seq); i >= 0 {
				a.of, a.at = earlier, i
				to.elsewhere = append(to.elsewhere, len(to.arrivals))
				break
			}
		}
	}
	to.arrivals = append(to.arrivals, a)
}

// pending returns the index in the batch of the round's message with the same number; -1: there is none. Repeats are
// rare, because they follow a lost connection. The arrivals are therefore not indexed before the first one.
func (c *round) pending(seen *Seen, seq uint64) int {
	if c.repeated == nil {
		c.repeated = make(map[numbered]int)
	}
	for ; c.looked < len(c.arrivals); c.looked++ {
		if a := &c.arrivals[c.looked]; a.index >= 0 {
			c.repeated[numbered{a.seen, a.seq}] = a.index
		}
	}
	if i, ok := c.repeated[numbered{seen, seq}]; ok {
		return i
	}
	return -1
}

// stored reports whether a message is stored, now or earlier.
func (c *round) stored(a *arrival) bool {
	if a.index < 0 {
		return a.refuse == nil && !a.unsettled
	}
	return c.fates[a.index].settled && c.fates[a.index].refusal == nil
}

// resolve tells the later rounds what has become of the messages of an answered one.
func (r *Receiver) resolve(answered *round) {
	for _, later := range append(slices.Clip(r.closed), r.opened()) {
		for _, i := range later.elsewhere {
			if a := &later.arrivals[i]; a.of == answered {
				f := answered.fates[a.at]
				a.refuse, a.unsettled, a.left, a.of = f.refusal, a.unsettled || !f.settled, f.left, nil
			}
		}
	}
}

// leaves reports whether a message is left to another receiver.
func (c *round) leaves(a *arrival) bool { return a.left || a.index >= 0 && c.fates[a.index].left }

// leave lets nothing of the connections that an answered round has left be answered in the rounds that are closed or
// open: an acknowledgement would speak of what came before, too. What is stored of it stays stored.
func (r *Receiver) leave(answered *round) {
	for _, later := range append(slices.Clip(r.closed), r.opened()) {
		for i := range later.arrivals {
			a := &later.arrivals[i]
			if at, ok := answered.replyOf[a.from]; ok && answered.replies[at].left {
				a.unsettled = true
			}
		}
	}
}

// clear drops all references of an answered round.
func (c *round) clear() {
	clear(c.batch)
	clear(c.arrivals)
	clear(c.fates)
	for i := range c.replies {
		delete(c.replyOf, c.replies[i].to) // clear would take as long as the largest round so far had connections
	}
	clear(c.replies)
	clear(c.claimed)
	clear(c.repeated)
	c.batch, c.fates, c.arrivals, c.replies = c.batch[:0], c.fates[:0], c.arrivals[:0], c.replies[:0]
	c.claimed, c.elsewhere = c.claimed[:0], c.elsewhere[:0]
	c.looked = 0
}
