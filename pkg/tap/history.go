package tap

import (
	"cmp"
	"iter"
	"slices"
)

// history holds the newest messages, up to a limit of bytes, and the gaps among them.
type history struct {
	limit, bytes int
	groups       [][]Message    // oldest first
	costs        []int          // of the groups
	gaps         []gapInHistory // in order
}

// gapInHistory is a remembered gap and its place.
type gapInHistory struct {
	after uint64 // the ID of the message before it; 0: no message came before it
	gap   *Gap   // never changed
}

// maxGaps is how many gaps are remembered. If there are more, the two oldest are merged.
const maxGaps = 1000

// add remembers messages, which take cost bytes.
func (h *history) add(messages []Message, cost int) {
	if h.limit == 0 {
		return
	}
	h.groups, h.costs = append(h.groups, messages), append(h.costs, cost)
	h.bytes += cost
	n := 0
	for h.bytes > h.limit && n < len(h.groups)-1 {
		h.bytes -= h.costs[n]
		h.groups[n] = nil
		n++
	}
	h.groups, h.costs = h.groups[n:], h.costs[n:]
	n = 0
	for n < len(h.gaps) && h.gaps[n].after+1 < h.groups[0][0].ID { // the message after the gap is forgotten, too
		n++
	}
	h.gaps = h.gaps[n:]
}

// report remembers a gap after the message last.
func (h *history) report(g Gap, last uint64) {
	if h.limit == 0 {
		return
	}
	h.gaps = append(h.gaps, gapInHistory{last, &g})
	if len(h.gaps) > maxGaps {
		both := h.gaps[0].gap.and(*h.gaps[1].gap)
		h.gaps = h.gaps[1:]
		h.gaps[0].gap = &both
	}
}

// gapsSince returns the gaps after the message since, in order.
func (h *history) gapsSince(since uint64) []gapInHistory {
	i, _ := slices.BinarySearchFunc(h.gaps, since, func(g gapInHistory, since uint64) int {
		return cmp.Compare(g.after, since)
	})
	return h.gaps[i:]
}

// backwards yields the messages, newest first, each in a slice of its own.
func (h *history) backwards() iter.Seq[[]Message] {
	return func(yield func([]Message) bool) {
		for i := len(h.groups) - 1; i >= 0; i-- {
			for j := len(h.groups[i]) - 1; j >= 0; j-- {
				if !yield(h.groups[i][j : j+1 : j+1]) {
					return
				}
			}
		}
	}
}

// forgotten returns how many messages after the message after, up to last, are no longer remembered. Their
// topics are unknown.
func (h *history) forgotten(after, last uint64) uint64 {
	first := last + 1
	if len(h.groups) > 0 {
		first = h.groups[0][0].ID
	}
	return first - min(first, after+1)
}
