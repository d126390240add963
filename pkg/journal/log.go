package journal

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"sync/atomic"
	"unsafe"
)

// Storage is the memory that outlives the process. Its parts begin at multiples of 8 and hold a multiple of 8 bytes.
type Storage interface {
	// Header is the page that WriteHeader has made.
	Header() []byte
	// Extents are the memory for records, in order.
	Extents() [][]byte
	// Extend adds an extent of at least size bytes that begins with zeros. An error means that there is no room for it now.
	Extend(size int) error
	// Shrink gives back what is held beyond a modest size. Nothing in it is in use.
	Shrink()
}

const (
	kindEnd    = 0
	kindLine   = 1
	kindFiller = 2

	headSize = 32 // bytes of a record before its line
)

// Flags of a record. A record without any is owed, and rsyslog will not send it again.
const (
	flagConfirmed = 1 << iota // it is no longer owed
	flagWaiting               // rsyslog was told of a failure, or will have to think so: it comes again
	flagCurrent               // its transaction is not committed, as far as omzmq knows
	flagBits      = 8         // the line counter is above them
)

// Ref is a record's state, for as long as it is in the journal. One goroutine at a time changes it. Nothing happens to the zero
// Ref, that of a line in no journal.
type Ref struct{ state *atomic.Uint64 }

// Kept tells that there is a record.
func (r Ref) Kept() bool { return r.state != nil }

// Log is one journal. The goroutine of the conversation uses it.
type Log struct {
	storage Storage
	header  []byte
	busy    func() // called with the first record of an empty journal

	extent, next int         // where the next record goes
	records      int         // since the journal was last empty
	occupied     atomic.Bool // records > 0, for any goroutine
	counter      uint64      // lines accepted, new or again
	asked        question
}

// question is what rsyslog waits for an answer to.
type question int

const (
	askedOther  question = iota
	askedLine            // a message
	askedCommit          // COMMIT
)

// ErrFull is returned when a line finds no room.
var ErrFull = errors.New("the journal is full")

// New makes a Log of a storage whose header is made or was read. Recover takes what is in it. busy is called when the first
// record is about to enter an empty journal; nil: nobody cares.
func New(storage Storage, busy func()) *Log {
	return &Log{storage: storage, header: storage.Header(), busy: busy}
}

// ID is the sender id that the numbers belong to.
func (l *Log) ID() [IDSize]byte { return [IDSize]byte(l.header[idAt:]) }

// Next is the number of the next new line of an empty journal.
func (l *Log) Next() uint64 { return at(l.header, nextSeq).Load() }

// Empty tells that nothing is kept. Any goroutine may ask.
func (l *Log) Empty() bool { return !l.occupied.Load() }

func (l *Log) hold(records int) {
	l.records = records
	l.occupied.Store(records > 0)
}

// Append keeps a new line. The returned copy is in the journal and good until Reset. An error means that there is no room for
// it; then nothing has happened.
func (l *Log) Append(seq uint64, line []byte) (kept []byte, ref Ref, err error) {
	if len(line) > math.MaxInt32 {
		return nil, Ref{}, ErrFull
	}
	size := recordSize(len(line))
	record, err := l.room(size)
	if err != nil {
		return nil, Ref{}, err
	}
	if l.records == 0 && l.busy != nil {
		l.busy()
	}
	l.question()
	kept = record[headSize : headSize+len(line) : headSize+len(line)]
	copy(kept, line)
	binary.LittleEndian.PutUint32(record[4:], uint32(len(line)))
	binary.LittleEndian.PutUint64(record[16:], seq)
	binary.LittleEndian.PutUint32(record[8:], recordSum(record, kept))
	ref = refOf(record)
	ref.state.Store(l.counter<<flagBits | flagCurrent)
	l.next += size
	l.end(l.extent, l.next)
	kindOf(record).Store(kindLine)
	if l.records++; l.records == 1 {
		l.occupied.Store(true)
	}
	return kept, ref, nil
}

// room finds place for a record. It may go on to the next extent, or have one added.
func (l *Log) room(size int) ([]byte, error) {
	for {
		extents := l.storage.Extents()
		switch {
		case l.extent < len(extents) && len(extents[l.extent])-l.next >= size:
			return extents[l.extent][l.next : l.next+size], nil
		case l.extent+1 < len(extents):
			l.advance(extents)
		default:
			if err := l.storage.Extend(size); err != nil {
				return nil, err
			}
			l.header = l.storage.Header()
		}
	}
}

// advance goes on in the next extent; the rest of this one is filled.
func (l *Log) advance(extents [][]byte) {
	l.end(l.extent+1, 0)
	if rest := extents[l.extent][l.next:]; len(rest) > 0 {
		binary.LittleEndian.PutUint32(rest[4:], uint32(len(rest)))
		kindOf(rest).Store(kindFiller)
	}
	l.extent, l.next = l.extent+1, 0
}

// end says that no record begins there.
func (l *Log) end(extent, offset int) {
	if e := l.storage.Extents()[extent]; offset < len(e) {
		kindOf(e[offset:]).Store(kindEnd)
	}
}

// Take tells that rsyslog has sent a line again: it is the last that was accepted.
func (l *Log) Take(ref Ref) {
	l.question()
	if ref.state != nil {
		ref.state.Store(l.counter<<flagBits | ref.state.Load()&flagConfirmed | flagCurrent)
	}
}

// question counts a line that rsyslog waits for the reply to. The mark of the line before the last, which had its reply from the
// same place, may still stand when the last one had a failure: it must not be taken for this one's.
func (l *Log) question() {
	l.counter++
	l.asked = askedLine
	if last, out := placed(at(l.header, mark).Load()); out && last.of(l.counter) {
		at(l.header, mark).Store(nowhere)
	}
}

// Confirm tells that a line is no longer owed.
func (r Ref) Confirm() {
	if r.state != nil {
		r.state.Or(flagConfirmed)
	}
}

// Wait tells that rsyslog was told of a failure and will send a line again.
func (r Ref) Wait() {
	if r.state != nil {
		r.state.Store(r.state.Load()&^flagCurrent | flagWaiting)
	}
}

// Settle tells that rsyslog was told OK for a line, or will not send it again.
func (r Ref) Settle() {
	if r.state != nil {
		r.state.And(^uint64(flagWaiting | flagCurrent))
	}
}

// Opened tells how many transactions are open, after a BEGIN was read.
func (l *Log) Opened(open int) {
	l.asked = askedOther
	at(l.header, opened).Store(uint64(open))
}

// Closing tells that a COMMIT was read, and how many transactions are open besides.
func (l *Log) Closing(open int) {
	l.asked = askedCommit
	at(l.header, closing).Store(l.counter + 1)
	at(l.header, opened).Store(uint64(open))
}

// Parted tells whether rsyslog sends nothing again: it is gone, or it reads no replies and hears of no failure.
func (l *Log) Parted(yes bool) {
	n := uint64(0)
	if yes {
		n = 1
	}
	at(l.header, parted).Store(n)
}

// Reset empties the journal. next is the number of the next new line.
func (l *Log) Reset(next uint64) {
	at(l.header, nextSeq).Store(next)
	if l.records == 0 {
		return
	}
	l.end(0, 0)
	l.extent, l.next = 0, 0
	l.hold(0)
	l.storage.Shrink()
}

func kindOf(record []byte) *atomic.Uint32 { return (*atomic.Uint32)(unsafe.Pointer(&record[0])) }

func refOf(record []byte) Ref { return Ref{(*atomic.Uint64)(unsafe.Pointer(&record[24]))} }

// recordSize is the size of a record with a line of so many bytes.
func recordSize(length int) int { return headSize + (length+7)&^7 }

// recordSum is the checksum of what does not change in a record.
func recordSum(record, line []byte) uint32 {
	sum := crc32.Update(0, castagnoli, record[4:8])
	sum = crc32.Update(sum, castagnoli, record[16:24])
	return crc32.Update(sum, castagnoli, line)
}
