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
	Again     bool   // rsyslog sends it again
	Batch     bool   // rsyslog sends it again if the next COMMIT fails, which ends the transaction in which it was accepted
}

// Successor says who takes a journal over.
type Successor struct {
	Same    bool  // it was started by the same worker of rsyslogd, which goes on where it was
	Shared  bool  // other workers may use the same pipe, and may have started it while that one pauses
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
	// The mark may be that of a line that is gone. No new one may get its counter.
	l.counter = max(l.counter, at(l.header, mark).Load()>>toldBits)
	owed := found[:0]
	for _, r := range found {
		judge.fate(&r)
		switch {
		case r.Again:
			r.Ref.Wait()
		case !r.Batch:
			r.Ref.Settle()
		}
		if r.Again || r.Batch || !r.Confirmed {
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
	for l.extent = range l.extents {
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
			if l.next == len(l.extents[l.extent]) {
				break
			}
		}
	}
	at(l.header, nextSeq).Store(next)
	return found, nil
}

// record reads what stands at the place where the next record would go. A filler has no Ref; size 0: it is the end.
func (l *Log) record() (r Record, size int, err error) {
	rest := l.extents[l.extent][l.next:]
	kind, length := *kindOf(rest), int(*lengthOf(rest))
	switch {
	case kind == kindEnd:
		return Record{}, 0, nil
	case kind == kindFiller && length > 0 && length <= len(rest) && length%8 == 0:
		return Record{}, length, nil
	case kind != kindLine || length > len(rest)-headSize:
		return Record{}, 0, ErrDamaged
	}
	h, line := headOf(rest), rest[headSize:headSize+length:headSize+length]
	if h.sum != checksum(rest, length) {
		return Record{}, 0, ErrDamaged
	}
	return Record{Seq: h.seq, Line: line, Ref: Ref{h}, Route: h.route.Load()}, recordSize(length), nil
}

// judgement tells what becomes of a record, from what the journal says of the moment at which its writer died.
type judgement struct {
	parted  bool   // rsyslog sends nothing again
	unknown bool   // nobody knows which lines of transactions that were open come again
	settled bool   // rsyslog was told OK for everything
	all     bool   // every line of the transaction comes again
	last    uint64 // the counter of the only line that does; 0: none
}

func (l *Log) judge(by Successor) judgement {
	committing := at(l.header, closing).Load() == l.counter+1
	others := at(l.header, opened).Load()
	var told uint64 // of the last line
	if m := at(l.header, mark).Load(); m>>toldBits == l.counter {
		told = m & (1<<toldBits - 1)
	}
	answered := told == toldDeferred || told == toldOK
	j := judgement{settled: told == toldOK || told == toldCommitted && committing}
	switch {
	case !by.Same || at(l.header, parted).Load() == 1:
		j.parted = true
	case committing && others == 0:
		j.all = true
	case committing || others > 1: // several workers share the pipe
		j.unknown = true
	case by.Shared || at(l.header, shared).Load() == 1: // it may be another worker that has gone on
		j.unknown = true
		if !answered {
			j.last = l.counter
		}
	case by.Started-Beat(l.header) < int64(Pause-slack):
		j.all = true
	case !answered:
		j.last = l.counter
	}
	return j
}

// fate says whether a line is still owed, and whether rsyslog sends it again.
func (j judgement) fate(r *Record) {
	state := r.Ref.head.state.Load()
	r.Confirmed = state&flagConfirmed != 0
	switch current := state&flagCurrent != 0; {
	case current && j.settled:
		r.Ref.Confirm()
		r.Confirmed = true
	case j.parted:
	case state&flagWaiting != 0:
		r.Again = true
	case current && (j.all || j.last != 0 && state>>flagBits == j.last):
		r.Again = true
	case current && !j.unknown:
		r.Batch = true
	}
}
