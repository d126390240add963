package tap

import (
	"cmp"
	"iter"
	"slices"
)

// history is the messages that were published last.
type history struct {
	limit, bytes int
	groups       [][]Message // the oldest first
	costs        []int
	gaps         []past // in order
}

// past is a gap that is remembered.
type past struct {
	after uint64 // the ID of the message before it; 0: it was the first that was heard of
	gap   *Gap   // never changed
}

// maxGaps is how many are remembered. When there are more, the two oldest become one.
const maxGaps = 1000

func (h *history) add(messages []Message) {
	if h.limit == 0 {
		return
	}
	cost := 0
	for i := range messages {
		cost += messages[i].cost()
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
	for n < len(h.gaps) && h.gaps[n].after+1 < h.groups[0][0].ID { // whoever has not come so far misses more than that
		n++
	}
	h.gaps = h.gaps[n:]
}

// report remembers a gap behind the message last.
func (h *history) report(g Gap, last uint64) {
	if h.limit == 0 {
		return
	}
	h.gaps = append(h.gaps, past{last, &g})
	if len(h.gaps) > maxGaps {
		both := h.gaps[0].gap.and(*h.gaps[1].gap)
		h.gaps = h.gaps[1:]
		h.gaps[0].gap = &both
	}
}

// gapsSince returns the gaps after the message since, in order.
func (h *history) gapsSince(since uint64) []past {
	i, _ := slices.BinarySearchFunc(h.gaps, since, func(g past, since uint64) int { return cmp.Compare(g.after, since) })
	return h.gaps[i:]
}

// backwards goes through the messages, one at a time, the newest first.
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

// forgotten is how many messages behind the message after, up to the last, are not remembered. What they were nobody knows any more.
func (h *history) forgotten(after, last uint64) uint64 {
	first := last + 1
	if len(h.groups) > 0 {
		first = h.groups[0][0].ID
	}
	return first - min(first, after+1)
}
