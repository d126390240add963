package delivery

import (
	"bytes"
	"hash/maphash"
	"iter"
	"slices"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"
)

// repeats knows, by their bytes, the lines that rsyslog may send again because it was told of a failure. It is a
// multiset: each repeat takes one number, the lowest. Distinct messages that happen to have equal text are never
// merged: within a transaction that has not failed no line is looked up.
//
// It copies no line: after a failure a large batch would take twice its memory. The lines stay where they are, in the
// journal or in an arena, for as long as there is a record: see Sender.emptyJournal and arena.reset.
type repeats struct {
	seed    maphash.Seed
	waiting map[uint64][]*record // lines that have not come again yet, by their hashes, lowest number first
	bySeq   map[uint64]*record
	taken   []*record // those that came again in the transactions since the last answer
}

// record is one line that rsyslog may send again.
type record struct {
	seq     uint64
	line    []byte
	ref     journal.Ref
	refused bool // given back to rsyslog: nothing but this record owes it until it comes again
	waiting bool
}

// add remembers an entry, or its newest state.
func (r *repeats) add(e *entry) {
	rec := r.bySeq[e.seq]
	if rec == nil {
		rec = &record{seq: e.seq, line: e.line, ref: e.ref}
		if r.bySeq == nil {
			r.bySeq, r.waiting, r.seed = make(map[uint64]*record), make(map[uint64][]*record), maphash.MakeSeed()
		}
		r.bySeq[e.seq] = rec
		r.wait(rec)
	}
	rec.refused = e.state == refused
}

// wait puts a record among those that may come again.
func (r *repeats) wait(rec *record) {
	if rec.waiting {
		return
	}
	rec.waiting = true
	hash := maphash.Bytes(r.seed, rec.line)
	list := r.waiting[hash]
	i, _ := slices.BinarySearchFunc(list, rec.seq, func(o *record, seq uint64) int { return int(int64(o.seq) - int64(seq)) })
	r.waiting[hash] = slices.Insert(list, i, rec)
}

// take returns the record of a line that was accepted before, with the lowest number, or nil when the line is new.
func (r *repeats) take(line []byte) *record {
	if len(r.waiting) == 0 {
		return nil
	}
	hash := maphash.Bytes(r.seed, line)
	list := r.waiting[hash]
	i := slices.IndexFunc(list, func(rec *record) bool { return bytes.Equal(rec.line, line) })
	if i < 0 {
		return nil
	}
	rec := list[i]
	switch {
	case len(list) == 1:
		delete(r.waiting, hash)
	case i == 0:
		r.waiting[hash] = list[1:]
	default:
		r.waiting[hash] = slices.Delete(list, i, i+1)
	}
	rec.waiting = false
	r.taken = append(r.taken, rec)
	return rec
}

// refused returns the lines that were given back to rsyslog and have not come again. They are owed.
func (r *repeats) refused() iter.Seq[*record] {
	return func(yield func(*record) bool) {
		for _, rec := range r.bySeq {
			if rec.refused && !yield(rec) {
				return
			}
		}
	}
}

// abandons reports whether committed will return lines.
func (r *repeats) abandons(fresh bool) bool {
	if fresh && len(r.taken) == 0 {
		for range r.refused() {
			return true
		}
	}
	return false
}

// failed is called when the transactions that took records have failed: their lines come once more.
func (r *repeats) failed() {
	for _, rec := range r.taken {
		rec.ref.Wait()
		r.wait(rec)
	}
	r.taken = r.taken[:0]
}

// committed is called when rsyslog was told OK: the repeats that came are settled. A transaction of new lines alone
// (fresh) shows that rsyslog is done with the repeats: an equal line that comes later is a message of its own. A
// transaction without any line shows nothing. It returns the lines that rsyslog was given back and will not send
// again.
func (r *repeats) committed(fresh bool) (given []*record) {
	if fresh && len(r.taken) == 0 {
		given = slices.Collect(r.refused())
		for _, rec := range r.bySeq {
			rec.ref.Settle() // it may stay in the journal, before a parked orphan
		}
		r.waiting, r.bySeq = nil, nil
		return given
	}
	for _, rec := range r.taken {
		rec.ref.Settle()
		delete(r.bySeq, rec.seq)
	}
	r.taken = r.taken[:0]
	if len(r.bySeq) == 0 {
		r.waiting, r.bySeq = nil, nil
	}
	return nil
}
