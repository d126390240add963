package tap

import "slices"

// window bounds what waits for all readers together. Readers that keep up share the newest messages; only what a slow
// one holds of older ones takes memory of its own. Therefore messages are given up, for every reader that has not taken
// them, when limit bytes of newer ones have been published.
type window struct {
	limit int      // bytes; 0: none
	since int      // bytes published since the last mark
	marks []uint64 // IDs; between two of them, a part of limit was published
}

const windowParts = 8

// published accounts for messages that were published, of which last is the newest. moved reports whether messages are
// to be given up, those up to the ID floor.
func (w *window) published(last uint64, cost int) (floor uint64, moved bool) {
	if w.since += cost; w.limit == 0 || w.since <= w.limit/windowParts {
		return 0, false
	}
	w.since = 0
	if w.marks = append(w.marks, last); len(w.marks) <= windowParts {
		return 0, false
	}
	floor = w.marks[0]
	w.marks = append(w.marks[:0], w.marks[1:]...)
	return floor, true
}

// Bound bounds the memory of all messages that wait for readers, to roughly this many bytes, or to those of the
// history, if these are more. It returns how many bytes that may be in addition to the history. It is called before
// the first message.
func (s *Stream) Bound(bytes int) (more int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.window.limit = max(bytes, s.history.limit)
	return s.window.limit - s.history.limit
}

// giveUp removes the messages up to the ID floor from the reader's queue. It returns their number; the reader learns
// it in their place.
func (r *Reader) giveUp(floor uint64) (missed uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var before uint64   // missed already
	var gaps []Delivery // among the removed messages, or before them
	n, recalled := 0, 1
	for ; n < len(r.queue); n++ {
		d := &r.queue[n]
		if d.Gap != nil {
			if gaps = append(gaps, *d); n < r.recalled {
				recalled++
			}
			continue
		}
		old := 0
		for old < len(d.Messages) && d.Messages[old].ID <= floor {
			old++
		}
		if n >= r.recalled {
			r.uncount(d.Messages[:old])
		}
		missed, before = missed+uint64(old), before+d.Missed
		if d.Messages = d.Messages[old:]; len(d.Messages) > 0 {
			break
		}
	}
	if missed == 0 {
		return 0
	}
	r.queue = slices.Concat([]Delivery{{Missed: before + missed}}, gaps, r.queue[n:])
	r.recalled = recalled + max(0, r.recalled-n)
	return missed
}

// uncount takes messages out of what counts against the queue's limits. The caller holds mu.
func (r *Reader) uncount(messages []Message) {
	r.count -= len(messages)
	for i := range messages {
		r.bytes -= messages[i].load()
	}
}
