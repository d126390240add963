package journal

import "errors"

// Record is a line that an earlier process has left.
type Record struct {
	Seq       uint64
	Line      []byte // in the journal, valid until Reset
	Ref       Ref
	Route     uint32 // see Ref.Route: that receiver may have stored it
	Confirmed bool   // it need not be sent
	Fate      Fate
}

// ErrDamaged means that a record is not what was written. It and everything after it are lost.
var ErrDamaged = errors.New("a record is damaged")

// Recover returns what the journal owes and what rsyslog may send again, in the order of acceptance. It is called once,
// before anything else. ErrDamaged comes with what could be read; the rest is cut off.
func (l *Log) Recover(by Successor) ([]Record, error) {
	found, err := l.scan()
	l.hold(len(found))
	death := l.death(by)
	if l.breaks(whole); death.moment == lineAnswered || death.moment == lineUnanswered {
		l.breaks(broke)
	}
	// The mark may be that of a line that is gone. No new line may get its counter.
	l.counter = max(l.counter, at(l.header, mark).Load()>>replyBits)
	owed := found[:0]
	for _, r := range found {
		death.judge(&r)
		l.Used(min(len(r.Line), Around))
		switch r.Fate {
		case Again:
			r.Ref.Wait()
		case Orphan:
			r.Ref.Settle()
		}
		if r.Fate != Orphan || !r.Confirmed {
			owed = append(owed, r)
		}
	}
	at(l.header, opened).Store(0)
	if len(owed) == 0 {
		l.Reset(l.Next())
	}
	return owed, err
}

// scan reads the records and finds their end, the newest line's counter, and the next new line's number.
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
			l.Used(size)
			if r.Ref.Journaled() {
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

// record reads what stands at the place where the next record would go. A filler has no Ref; size 0 means the end.
func (l *Log) record() (r Record, size int, err error) {
	rest := l.extents[l.extent][l.next:]
	kind, length := *kindOf(rest), int(*lengthOf(rest))
	switch {
	case kind == kindEnd:
		return Record{}, 0, nil
	case kind == kindFiller && length > 0 && length <= len(rest) && length%8 == 0:
		return Record{}, length, nil
	case kind != kindLine || length < 0 || length > len(rest)-headSize: // below 0: an int may have 32 bits
		return Record{}, 0, ErrDamaged
	}
	h, line := headOf(rest), rest[headSize:headSize+length:headSize+length]
	if h.sum != checksum(rest, length) {
		return Record{}, 0, ErrDamaged
	}
	return Record{Seq: h.seq, Line: line, Ref: Ref{h}, Route: h.route.Load()}, recordSize(length), nil
}
