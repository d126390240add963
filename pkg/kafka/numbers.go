package kafka

import (
	"encoding/binary"
	"errors"
	"slices"
)

// maxSpans bounds the memory of a sender: every other number of 65,536 at worst. The lowest are forgotten first, and
// would be stored again.
const maxSpans = 1 << 15

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
	*n = slices.Replace(*n, i, j, s)
	if len(*n) > maxSpans {
		*n = slices.Delete(*n, 0, len(*n)-maxSpans)
	}
}

// merge adds the numbers of another set.
func (n *numbers) merge(others numbers) {
	for _, s := range others {
		n.add(s)
	}
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
