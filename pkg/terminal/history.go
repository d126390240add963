package terminal

import "slices"

// HistorySeconds is how long a History is.
const HistorySeconds = 60

// History is a rate in each of the last seconds.
type History struct {
	rates [HistorySeconds]float32 // the newest is the last
	known int                     // seconds since the first, at most HistorySeconds
}

// push adds the rate of the last seconds, this many.
func (h *History) push(rate float32, seconds uint64) {
	n := int(min(seconds, HistorySeconds))
	copy(h.rates[:], h.rates[n:])
	for i := len(h.rates) - n; i < len(h.rates); i++ {
		h.rates[i] = rate
	}
	h.known = min(h.known+n, HistorySeconds)
}

// Peak returns the highest rate, and the mean since the first.
func (h *History) Peak() (peak, mean float64) {
	if h.known == 0 {
		return 0, 0
	}
	sum := 0.
	for _, rate := range h.rates[HistorySeconds-h.known:] {
		sum += float64(rate)
	}
	return float64(slices.Max(h.rates[:])), sum / float64(h.known)
}

// The heights of a sparkline, from nothing to the most, for terminals that have block elements and for those that do
// not.
var (
	blocks = []string{" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"}
	ascii  = []string{" ", ".", ":", "-", "=", "+", "*", "#", "@"}
)

// AppendSpark appends a line of width characters, the newest at the right end. A character is the highest rate in
// one or more whole seconds: now, the number of the newest second, divides them in the same way in all lines, and
// such that none ever moves to another character's side.
func (h *History) AppendSpark(dst []byte, width int, now uint64, plain bool) []byte {
	heights := blocks
	if plain {
		heights = ascii
	}
	if width <= 0 {
		return dst
	}
	each := uint64(HistorySeconds+width-1) / uint64(width)
	top := slices.Max(h.rates[:])
	last := (max(now, 1) - 1) / each
	for i := range uint64(width) {
		rate := float32(0)
		for second := int64(last-uint64(width)+1+i) * int64(each); second < int64(last-uint64(width)+2+i)*int64(each); second++ {
			if ago := int64(now) - 1 - second; ago >= 0 && ago < HistorySeconds {
				rate = max(rate, h.rates[HistorySeconds-1-ago])
			}
		}
		dst = append(dst, heights[height(rate, top, len(heights)-1)]...)
	}
	return dst
}

// height returns 0 for nothing, and otherwise 1 to highest.
func height(rate, top float32, highest int) int {
	if rate <= 0 || top <= 0 {
		return 0
	}
	return min(highest, 1+int(rate/top*float32(highest-1)+0.5))
}
