package delivery

import "github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"

// state is where an owed message is.
type state uint8

const (
	pending   state = iota // no connection has it
	inFlight               // a connection has it
	confirmed              // it is no longer owed
	refused                // its receiver answered with a reason
)

// entry is one accepted message.
type entry struct {
	seq       uint64
	line      []byte
	ref       journal.Ref // the zero Ref when it is not journaled
	conn      *connection // while in flight
	pos       uint64      // its place among all messages that the connection was ever given, from 0
	state     state
	sent      bool // a connection had it once
	givenBack bool // refused, and rsyslog was told: no other message waits for it
	orphan    bool // rsyslog will not send it again, whatever it is told
	logged    bool // its refusal was logged
}

// owed holds the messages accepted since the account was last empty, by their numbers.
type owed struct {
	base    uint64 // number of entries[0]
	entries []*entry
	revived map[uint64]*entry // older numbers: repeats, and the messages of an earlier process
}

func (o *owed) add(e *entry) { o.entries = append(o.entries, e) }

func (o *owed) revive(e *entry) {
	if o.revived == nil {
		o.revived = make(map[uint64]*entry)
	}
	o.revived[e.seq] = e
}

func (o *owed) find(seq uint64) *entry {
	if seq >= o.base && seq-o.base < uint64(len(o.entries)) {
		return o.entries[seq-o.base]
	}
	return o.revived[seq]
}

func (o *owed) each(do func(*entry)) {
	for _, e := range o.revived {
		do(e)
	}
	for _, e := range o.entries {
		do(e)
	}
}

func (o *owed) reset(next uint64) {
	clear(o.entries)
	o.base, o.entries, o.revived = next, o.entries[:0], nil
}

// arena is the memory of entries and lines. It is given back all at once, when nothing is owed.
type arena struct {
	chunks [][]byte // the last one has room
	slabs  [][]entry
}

const (
	chunkSize = 64 << 10 // bytes; a longer line gets a chunk of its own
	slabSize  = 256      // entries
)

func (a *arena) copy(line []byte) []byte {
	last := len(a.chunks) - 1
	if last < 0 || cap(a.chunks[last])-len(a.chunks[last]) < len(line) {
		a.chunks = append(a.chunks, make([]byte, 0, max(chunkSize, len(line))))
		last++
	}
	from := len(a.chunks[last])
	a.chunks[last] = append(a.chunks[last], line...)
	return a.chunks[last][from:]
}

func (a *arena) entry() *entry {
	last := len(a.slabs) - 1
	if last < 0 || len(a.slabs[last]) == cap(a.slabs[last]) {
		a.slabs = append(a.slabs, make([]entry, 0, slabSize))
		last++
	}
	a.slabs[last] = append(a.slabs[last], entry{})
	return &a.slabs[last][len(a.slabs[last])-1]
}

// reset leaves one chunk and one slab, enough for the small transactions that most are.
func (a *arena) reset() {
	if len(a.chunks) > 0 {
		clear(a.chunks[1:])
		a.chunks = append(a.chunks[:0], a.chunks[0][:0])
	}
	if len(a.slabs) > 0 {
		clear(a.slabs[1:])
		a.slabs = append(a.slabs[:0], a.slabs[0][:0])
	}
}
