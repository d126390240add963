package journal

import (
	"errors"
	"hash/crc32"
	"sync/atomic"
	"unsafe"
)

// Storage is the memory that outlives the process. Its parts begin at multiples of 8 and hold a multiple of 8 bytes.
type Storage interface {
	// Header is the page that WriteHeader has made.
	Header() []byte
	// Extents are the memory for records, in order.
	Extents() [][]byte
	// Extend adds an extent of at least size bytes that begins with zeros. An error means that there is no room for
	// it now.
	Extend(size int) error
	// Shrink gives back what is held beyond a modest size. Nothing in it is in use.
	Shrink()
	// Unload takes the records out of the process's memory until they are used again. They do not change. Any goroutine
	// may call it.
	Unload()
}

const (
	kindEnd    = 0
	kindLine   = 1
	kindFiller = 2
)

// Flags of a record. A record without any is owed, and rsyslog will not send it again.
const (
	flagConfirmed = 1 << iota // it is no longer owed
	flagWaiting               // rsyslog was told of a failure, or will notice one: it sends the line again
	flagCurrent               // its transaction is not committed, as far as omzmq knows
	flagBits      = 8         // the line counter is above them
)

// head is a record before its line. Memory that begins at a multiple of 8 is read as one.
type head struct {
	kind   atomic.Uint32
	length uint32
	sum    uint32
	route  atomic.Uint32
	state  atomic.Uint64
	seq    uint64
}

// newHead is a head that nobody else reads yet: it is written without atomic operations, which take longer than all
// the rest.
type newHead struct {
	kind, length, sum, route uint32
	state, seq               uint64
}

const (
	headSize = int(unsafe.Sizeof(head{}))
	sumFrom  = int(unsafe.Offsetof(head{}.seq)) // where the checksummed part begins; the length is covered, too
	stateAt  = int(unsafe.Offsetof(head{}.state))
)

func headOf(memory []byte) *head { return (*head)(unsafe.Pointer(&memory[:headSize][0])) }

// kindOf and lengthOf are all that a filler has of a head: it may be as short as these two.
func kindOf(memory []byte) *uint32   { return (*uint32)(unsafe.Pointer(&memory[0])) }
func lengthOf(memory []byte) *uint32 { return (*uint32)(unsafe.Pointer(&memory[4])) }

// Ref is a record, valid while the record is in the journal. One goroutine at a time changes it. The zero Ref is
// that of a line in no journal; its methods do nothing.
type Ref struct{ head *head }

// Journaled reports whether there is a record.
func (r Ref) Journaled() bool { return r.head != nil }

// Confirm records that a line is no longer owed.
func (r Ref) Confirm() {
	if r.head != nil {
		r.head.state.Or(flagConfirmed)
	}
}

// Route records which receiver a line was given to, as a number derived from its name; 0: a receiver without a name.
func (r Ref) Route(receiver uint32) {
	if r.head != nil {
		r.head.route.Store(receiver)
	}
}

// Wait records that rsyslog was told of a failure and will send the line again.
func (r Ref) Wait() {
	if r.head != nil {
		r.head.state.Store(r.head.state.Load()&^flagCurrent | flagWaiting)
	}
}

// Settle records that rsyslog was told OK for a line, or will not send it again.
func (r Ref) Settle() {
	if r.head != nil {
		r.head.state.And(^uint64(flagWaiting | flagCurrent))
	}
}

// Log is one journal. Only the conversation's goroutine uses it, except for Used and Empty.
type Log struct {
	storage Storage
	header  []byte
	extents [][]byte
	busy    func() // called with the first record of an empty journal

	extent, next int          // where the next record goes
	records      int          // since the journal was last empty
	occupied     atomic.Bool  // records > 0, for any goroutine
	loaded       atomic.Int64 // bytes used since the records were unloaded, or the journal was empty
	counter      uint64       // journaled lines accepted so far, repeats included
	markBefore   uint64       // see Answering
}

// ErrFull is returned when a line finds no room.
var ErrFull = errors.New("the journal is full")

// New makes a Log of a storage whose header has been written or read. Recover takes what is in it. busy, if it is
// not nil, is called when the first record is about to enter an empty journal.
func New(storage Storage, busy func()) *Log {
	return &Log{storage: storage, header: storage.Header(), extents: storage.Extents(), busy: busy}
}

// ID is the sender id that the sequence numbers belong to.
func (l *Log) ID() [IDSize]byte { return [IDSize]byte(l.header[idAt:]) }

// Next is the number of the next new line. It is valid after Recover and in an empty journal.
func (l *Log) Next() uint64 { return at(l.header, nextSeq).Load() }

// skipped is how many numbers Skip leaves out: more than a sender can give out before the kernel has written the header
// to the disk.
const skipped = 1 << 32

// Skip leaves out the numbers that may have been given out without a trace in the journal: the machine has died before
// they were on its disk, or what came after a damaged record is lost. It is called after Recover, and what it does
// should be on the disk before a line is accepted.
func (l *Log) Skip() { at(l.header, nextSeq).Add(skipped) }

// Empty reports whether the journal holds no record. Any goroutine may call it.
func (l *Log) Empty() bool { return !l.occupied.Load() }

const (
	// MaxLoaded is how many bytes of the records are used before they are unloaded. What a usual batch takes, less than
	// half of that, stays in memory.
	MaxLoaded = 8 << 20
	// Around is how many bytes the kernel may map where a word is used (fault_around_bytes, large folios).
	Around = 64 << 10
)

// Used accounts for n bytes of the records that were written or read. After MaxLoaded bytes, it takes the records out
// of the process's memory: only their storage holds them, until they are used again. Lines and Refs stay valid. Any
// goroutine may call it.
func (l *Log) Used(n int) {
	if l.loaded.Add(int64(n)) > MaxLoaded {
		l.loaded.Store(0)
		l.storage.Unload()
	}
}

func (l *Log) hold(records int) {
	l.records = records
	l.occupied.Store(records > 0)
}

// Append writes a new line to the journal. The returned copy is in the journal and valid until Reset. On an error
// there is no room for the line: only its number is remembered, so that it is not given to another line.
func (l *Log) Append(seq uint64, line []byte) (journaled []byte, ref Ref, err error) {
	size := recordSize(len(line))
	record, err := l.room(size)
	if err != nil {
		at(l.header, nextSeq).Store(seq + 1)
		return nil, Ref{}, err
	}
	if l.records == 0 {
		l.occupied.Store(true) // before busy: a journal that looks empty is taken for idle
		if l.busy != nil {
			l.busy()
		}
	}
	l.records++
	l.counter++
	journaled = record[headSize : headSize+len(line) : headSize+len(line)]
	copy(journaled, line)
	*(*newHead)(unsafe.Pointer(&record[0])) = newHead{length: uint32(len(line)), state: l.counter<<flagBits | flagCurrent, seq: seq}
	h := headOf(record)
	h.sum = checksum(record, len(line))
	l.next += size
	l.end(l.extent, l.next)
	h.kind.Store(kindLine)
	return journaled, Ref{h}, nil
}

// room finds place for a record. It may go on to the next extent, or have one added.
func (l *Log) room(size int) ([]byte, error) {
	for {
		switch {
		case l.extent < len(l.extents) && len(l.extents[l.extent])-l.next >= size:
			return l.extents[l.extent][l.next : l.next+size], nil
		case l.extent+1 < len(l.extents):
			l.advance()
		default:
			err := l.storage.Extend(size)
			l.header, l.extents = l.storage.Header(), l.storage.Extents() // both may have changed, even on an error
			if err != nil {
				return nil, err
			}
		}
	}
}

// advance goes on in the next extent; the rest of this one becomes a filler.
func (l *Log) advance() {
	l.end(l.extent+1, 0)
	if rest := l.extents[l.extent][l.next:]; len(rest) > 0 {
		*lengthOf(rest) = uint32(len(rest))
		atomic.StoreUint32(kindOf(rest), kindFiller)
	}
	l.extent, l.next = l.extent+1, 0
}

// end marks a place as the end of the records. After a full extent that is where the next extent begins, which may hold
// records of an earlier use.
func (l *Log) end(extent, offset int) {
	if offset == len(l.extents[extent]) {
		extent, offset = extent+1, 0
	}
	if extent < len(l.extents) {
		*kindOf(l.extents[extent][offset:]) = kindEnd
	}
}

// Take records that rsyslog has sent a line again. It is now the last line that was accepted.
func (l *Log) Take(ref Ref) {
	if ref.head == nil {
		return
	}
	l.counter++
	ref.head.state.Store(l.counter<<flagBits | ref.head.state.Load()&flagConfirmed | flagCurrent)
}

// Opened records how many transactions are open, after a BEGIN was read.
func (l *Log) Opened(open int) {
	at(l.header, closing).Store(0) // an earlier COMMIT was answered
	if l.broken() == broke {
		l.breaks(resuming)
	}
	at(l.header, opened).Store(uint64(open))
	if open > 1 {
		at(l.header, shared).Store(1)
	}
}

// Closing records that a COMMIT was read, and how many other transactions are open.
func (l *Log) Closing(open int) {
	at(l.header, closing).Store(l.counter + 1)
	at(l.header, opened).Store(uint64(open))
}

// Pipes is what a process knows of its pipes to rsyslog.
type Pipes uint64

// The states of the pipes.
const (
	PipesOpen   Pipes = iota
	PipesUnread       // rsyslog reads no replies, hears of no failure, and sends nothing again
	PipesClosed       // by rsyslog; everything that it had written was read
	PipesNone         // the lines come over connections, and each is answered there: what is not answered comes again
)

// Pipes records the state of the pipes.
func (l *Log) Pipes(now Pipes) { at(l.header, pipes).Store(uint64(now)) }

// Reset removes all records after the last of those to be left in the journal. next is the number of the next new line.
func (l *Log) Reset(next uint64, left ...Ref) {
	at(l.header, nextSeq).Store(next)
	if l.records == 0 {
		return
	}
	l.extent, l.next = 0, 0
	for _, r := range left {
		if extent, end := l.after(r); extent > l.extent || extent == l.extent && end > l.next {
			l.extent, l.next = extent, end
		}
	}
	l.end(l.extent, l.next)
	l.hold(len(left))
	l.loaded.Store(0)
	if len(left) == 0 {
		l.storage.Shrink()
		l.extents = l.storage.Extents()
	}
}

// after is the place after a record.
func (l *Log) after(r Ref) (extent, next int) {
	for i, e := range l.extents {
		first, here := uintptr(unsafe.Pointer(&e[0])), uintptr(unsafe.Pointer(r.head))
		if here >= first && here < first+uintptr(len(e)) {
			return i, int(here-first) + recordSize(int(r.head.length))
		}
	}
	return 0, 0 // it is not in this journal
}

// recordSize is the size of a record with a line of length bytes.
func recordSize(length int) int { return headSize + (length+7)&^7 }

// checksum covers what does not change in a record.
func checksum(record []byte, length int) uint32 {
	return crc32.Update(uint32(length), castagnoli, record[sumFrom:headSize+length])
}
