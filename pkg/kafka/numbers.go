package kafka

import (
	"encoding/binary"
	"errors"
	"slices"
)

// The memory of a sender is bounded: every other number of 65,536 at worst. The lowest are forgotten first, and would
// be stored again. Of more spans than maxSpans, leastSpans remain.
const (
	leastSpans = 1 << 15
	maxSpans   = leastSpans + leastSpans/8
)

// numbers is a set of a sender's numbers: spans in ascending order, neither overlapping nor adjacent. Numbers mostly
// rise by one, and the set is then one span.
type numbers []span

type span struct{ from, to uint64 } // both belong to it

// has reports whether a number is in the set.
func (n numbers) has(seq uint64) bool {
	if last := len(n) - 1; last < 0 || seq > n[last].to {
		return false
	} else if seq >= n[last].from {
		return true
	}
	i, _ := slices.BinarySearchFunc(n, seq, func(s span, seq uint64) int {
		if s.to < seq {
			return -1
		}
		return 1
	})
	return n[i].from <= seq // s.to >= seq for the first time
}

// highest returns the highest number of the set; 0: it is empty.
func (n numbers) highest() uint64 {
	if len(n) == 0 {
		return 0
	}
	return n[len(n)-1].to
}

// gap reports whether there are numbers between the end of a span and the beginning of another.
func gap(to, from uint64) bool { return from > to && from-to > 1 }

// add adds the numbers of a span.
func (n *numbers) add(s span) {
	if last := len(*n) - 1; last >= 0 && s.from >= (*n)[last].from && !gap((*n)[last].to, s.from) {
		(*n)[last].to = max((*n)[last].to, s.to)
		return
	}
	// The spans from i to j-1 overlap or touch it.
	i, _ := slices.BinarySearchFunc(*n, s.from, func(old span, from uint64) int {
		if gap(old.to, from) {
			return -1
		}
		return 1
	})
	j := i
	for ; j < len(*n) && !gap(s.to, (*n)[j].from); j++ {
		s.from, s.to = min(s.from, (*n)[j].from), max(s.to, (*n)[j].to)
	}
	if i == 0 && j == 0 && len(*n) >= leastSpans {
		return // it would be forgotten next
	}
	*n = slices.Replace(*n, i, j, s)
	n.trim()
}

// trim forgets the lowest spans, if there are too many. It does so for many at a time, because all others move.
func (n *numbers) trim() {
	if len(*n) > maxSpans {
		*n = slices.Delete(*n, 0, len(*n)-leastSpans)
	}
}

// merge adds the numbers of another set. It takes as long as both have spans. The memory of neither changes.
func (n *numbers) merge(others numbers) {
	all := make(numbers, 0, max(len(*n), len(others))+1)
	for a, b := *n, others; len(a)+len(b) > 0; {
		from := &a
		if len(a) == 0 || len(b) > 0 && b[0].from < a[0].from {
			from = &b
		}
		s := (*from)[0]
		*from = (*from)[1:]
		if last := len(all) - 1; last >= 0 && !gap(all[last].to, s.from) {
			all[last].to = max(all[last].to, s.to)
		} else {
			all = append(all, s)
		}
	}
	all.trim()
	*n = all
}

// append appends the set: the number of spans, and for each how far it begins after the end of the one before, and how
// many numbers follow its first. All are unsigned varints of encoding/binary.
func (n numbers) append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(n)))
	end := uint64(0)
	for _, s := range n {
		dst = binary.AppendUvarint(dst, s.from-end)
		dst = binary.AppendUvarint(dst, s.to-s.from)
		end = s.to
	}
	return dst
}

var errNumbers = errors.New("the numbers of a sender are malformed")

// parseNumbers reads what append has appended. It takes all of text.
func parseNumbers(text []byte) (numbers, error) {
	next := func() (uint64, bool) {
		v, size := binary.Uvarint(text)
		if size <= 0 {
			return 0, false
		}
		text = text[size:]
		return v, true
	}
	count, ok := next()
	if !ok || count > maxSpans || count > uint64(len(text)) {
		return nil, errNumbers
	}
	n := make(numbers, 0, count)
	end := uint64(0)
	for range count {
		gap, ok := next()
		length, ok2 := next()
		from := end + gap
		to := from + length
		if !ok || !ok2 || from < end || to < from || len(n) > 0 && gap < 2 {
			return nil, errNumbers
		}
		n = append(n, span{from, to})
		end = to
	}
	if len(text) > 0 {
		return nil, errNumbers
	}
	return n, nil
}
