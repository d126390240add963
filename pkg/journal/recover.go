package journal

import (
	"errors"
	"time"
)

// Pause is how long rsyslog 8.2302 waits before it goes on with a transaction in whose middle the plugin failed.
const Pause = time.Second

// slack is what the clocks may differ by: the kernel's ticks are hundredths of a second.
const slack = 20 * time.Millisecond

// Record is a line that an earlier process has left.
type Record struct {
	Seq       uint64
	Line      []byte // in the journal, good until Reset
	Ref       Ref
	Route     uint32 // see Ref.Route: that receiver may have stored it
	Confirmed bool   // it need not be sent
	Again     bool   // rsyslog may send it again
}

// Successor says who takes a journal over.
type Successor struct {
	Same    bool  // it was started by the same worker of rsyslogd, which goes on where it was
	Started int64 // when, in nanoseconds of CLOCK_BOOTTIME
}

// ErrDamaged says that a record is not what was written, and with it all behind it.
var ErrDamaged = errors.New("a record is damaged")

// Recover returns what the journal owes and what rsyslog may send again, in the order of acceptance. It is called once,
// before anything else. ErrDamaged comes with what could be read; the rest is cut off.
func (l *Log) Recover(by Successor) ([]Record, error) {
	found, err := l.scan()
	l.hold(len(found))
	judge := l.judge(by)
	owed := found[:0]
	for _, r := range found {
		r.Confirmed, r.Again = judge.fate(r.Ref.head.state.Load())
		if r.Again {
			r.Ref.Wait()
		} else {
			r.Ref.Settle()
		}
		if r.Confirmed {
			r.Ref.Confirm()
		}
		if r.Again || !r.Confirmed {
			owed = append(owed, r)
		}
	}
	at(l.header, opened).Store(0)
	if len(owed) == 0 {
		l.Reset(l.Next())
	}
	return owed, err
}

// scan reads the records and finds the end of them, the newest line's counter, and the next new line's number.
func (l *Log) scan() (found []Record, err error) {
	next := l.Next()
	for l.extent = range l.storage.Extents() {
		l.next = 0
		for {
			r, size, err := l.record()
			if size == 0 {
				l.end(l.extent, l.next)
				at(l.header, nextSeq).Store(next)
				return found, err
			}
			l.next += size
			if r.Ref.Kept() {
				found = append(found, r)
				l.counter = max(l.counter, r.Ref.head.state.Load()>>flagBits)
				next = max(next, r.Seq+1)
			}
			if l.next == len(l.storage.Extents()[l.extent]) {
				break
			}
		}
	}
	at(l.header, nextSeq).Store(next)
	return found, nil
}

// record reads what stands at the place where the next record would go. A filler has no Ref; size 0: it is the end.
func (l *Log) record() (r Record, size int, err error) {
	rest := l.storage.Extents()[l.extent][l.next:]
	kind, length := kindOf(rest).Load(), int(*lengthOf(rest))
	switch {
	case kind == kindEnd:
		return Record{}, 0, nil
	case kind == kindFiller && length > 0 && length <= len(rest) && length%8 == 0:
		return Record{}, length, nil
	case kind != kindLine || length > len(rest)-headSize:
		return Record{}, 0, ErrDamaged
	}
	h, line := headOf(rest), rest[headSize:headSize+length:headSize+length]
	if h.sum != h.checksum(line) {
		return Record{}, 0, ErrDamaged
	}
	return Record{Seq: h.seq, Line: line, Ref: Ref{h}, Route: h.route.Load()}, recordSize(length), nil
}

// judgement tells what becomes of a record, from what the journal says of the moment at which its writer died.
type judgement struct {
	none    bool   // rsyslog sends nothing again, or nobody knows what
	settled bool   // rsyslog was told OK for everything
	all     bool   // every line of the transaction comes again
	last    uint64 // the counter of the only line that does; 0: none
}

func (l *Log) judge(by Successor) judgement {
	reply, out := placed(at(l.header, mark).Load())
	committing := at(l.header, closing).Load() == l.counter+1
	others := at(l.header, opened).Load()
	answered := out && reply.of(l.counter)
	j := judgement{
		none:    !by.Same || at(l.header, parted).Load() == 1,
		settled: out && committing && reply.commit() || answered && reply.ok(),
	}
	switch {
	case committing:
		j.all = others == 0
	case others > 1: // several workers share the pipe, and nobody knows whose lines come again
	case by.Started-Beat(l.header) < int64(Pause-slack):
		j.all = true
	case !answered:
		j.last = l.counter
	}
	return j
}

func (j judgement) fate(state uint64) (confirmed, again bool) {
	confirmed = state&flagConfirmed != 0
	switch {
	case state&flagCurrent != 0 && j.settled:
		return true, false
	case j.none:
		return confirmed, false
	case state&flagWaiting != 0:
		return confirmed, true
	case state&flagCurrent == 0:
		return confirmed, false
	}
	return confirmed, j.all || state>>flagBits == j.last
}
