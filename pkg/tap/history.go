package tap

import "iter"

// history is the messages that were published last.
type history struct {
	limit, bytes int
	groups       [][]Message // the oldest first
	costs        []int
}

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
