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
	at        int64       // when it was accepted, by SenderConfig.Clock
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

// arena is the memory of entries and lines. It is given back all at once, when nothing is owed, and then used again.
type arena struct {
	chunks [][]byte // chunks[:chunk] are full, chunks[chunk] has room, those after it are empty
	slabs  [][]entry
	chunk  int
	slab   int
}

// A chunk is as large as all before it, within these bounds, so that few bytes remain at the ends of chunks. A line for
// which a chunk is too small gets one of its own.
const (
	minChunk = 64 << 10 // bytes
	maxChunk = 1 << 20
	slabSize = 256 // entries
)

func (a *arena) copy(line []byte) []byte {
	for a.chunk < len(a.chunks) && cap(a.chunks[a.chunk])-len(a.chunks[a.chunk]) < len(line) {
		a.chunk++
	}
	if a.chunk == len(a.chunks) {
		a.chunks = append(a.chunks, make([]byte, 0, max(a.chunkSize(), len(line))))
	}
	chunk := &a.chunks[a.chunk]
	from := len(*chunk)
	*chunk = append(*chunk, line...)
	return (*chunk)[from:]
}

func (a *arena) chunkSize() (size int) {
	for _, chunk := range a.chunks {
		if size += cap(chunk); size >= maxChunk {
			return maxChunk
		}
	}
	return max(size, minChunk)
}

func (a *arena) entry() *entry {
	if a.slab < len(a.slabs) && len(a.slabs[a.slab]) == cap(a.slabs[a.slab]) {
		a.slab++
	}
	if a.slab == len(a.slabs) {
		a.slabs = append(a.slabs, make([]entry, 0, slabSize))
	}
	slab := &a.slabs[a.slab]
	*slab = append(*slab, entry{})
	return &(*slab)[len(*slab)-1]
}

// reset begins again in the same memory. What was not used this time is given back. referred: something refers to the
// lines, which therefore stay as they are.
func (a *arena) reset(referred bool) {
	if a.chunks = begin(a.chunks, a.chunk); referred {
		a.chunks = nil
	}
	a.slabs = begin(a.slabs, a.slab)
	a.chunk, a.slab = 0, 0
}

// begin empties the parts up to last, and gives back those after it.
func begin[T any](parts [][]T, last int) [][]T {
	if len(parts) == 0 {
		return parts
	}
	used := parts[:min(last+1, len(parts))]
	clear(parts[len(used):])
	for i := range used {
		used[i] = used[i][:0]
	}
	return used
}
