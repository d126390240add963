package delivery

import "github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"

// state is where an owed message is.
type state uint8

const (
	pending   state = iota // no link has it
	inFlight               // a link has it
	confirmed              // it is no longer owed
	refused                // its receiver would not have it
)

// entry is one accepted message.
type entry struct {
	seq       uint64
	line      []byte
	ref       journal.Ref // in the journal, if there is one with room
	link      *link       // when in flight
	pos       uint64      // its place among all that the link was ever given, from 0
	state     state
	sent      bool // a link had it once
	givenBack bool // refused, and rsyslog was told so: it blocks no other message
	orphan    bool // rsyslog will not send it again, whatever it is told
	told      bool // its refusal was logged
}

// window holds the messages accepted since the account was last empty, by their numbers.
type window struct {
	base    uint64 // number of entries[0]
	entries []*entry
	revived map[uint64]*entry // older numbers: lines that came again, and those of an earlier process
}

func (w *window) add(e *entry) { w.entries = append(w.entries, e) }

func (w *window) revive(e *entry) {
	if w.revived == nil {
		w.revived = make(map[uint64]*entry)
	}
	w.revived[e.seq] = e
}

func (w *window) find(seq uint64) *entry {
	if seq >= w.base && seq-w.base < uint64(len(w.entries)) {
		return w.entries[seq-w.base]
	}
	return w.revived[seq]
}

func (w *window) each(do func(*entry)) {
	for _, e := range w.revived {
		do(e)
	}
	for _, e := range w.entries {
		do(e)
	}
}

func (w *window) reset(next uint64) {
	clear(w.entries)
	w.base, w.entries, w.revived = next, w.entries[:0], nil
}

// arena is the memory of entries and lines: it is given back all at once, when nothing is owed.
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

// reset keeps one chunk and one slab, for the small transactions that most are.
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
