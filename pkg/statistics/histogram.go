package statistics

import (
	"sort"
	"sync/atomic"
	"time"
)

// Histogram counts observations in buckets, without a lock. Its methods may be called from any goroutine; nil takes
// observations and forgets them.
type Histogram struct {
	bounds  []uint64 // upper, inclusive, in units
	unit    float64  // how many of what is observed make one of the unit of the histogram's name
	buckets []atomic.Uint64
	sum     atomic.Uint64
}

// Durations makes a histogram of durations in seconds, from a tenth of a millisecond to five minutes.
func Durations() *Histogram {
	const ms = uint64(time.Millisecond)
	return newHistogram(float64(time.Second), ms/10, ms/2, ms, 2*ms, 5*ms, 10*ms, 25*ms, 50*ms, 100*ms, 250*ms, 500*ms,
		1000*ms, 2500*ms, 5000*ms, 10_000*ms, 30_000*ms, 60_000*ms, 300_000*ms)
}

// Sizes makes a histogram of numbers of messages.
func Sizes() *Histogram {
	return newHistogram(1, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000)
}

func newHistogram(unit float64, bounds ...uint64) *Histogram {
	return &Histogram{bounds: bounds, unit: unit, buckets: make([]atomic.Uint64, len(bounds)+1)}
}

// Observe adds n observations of value, which for durations is in nanoseconds.
func (h *Histogram) Observe(value, n uint64) {
	if h == nil || n == 0 {
		return
	}
	i := sort.Search(len(h.bounds), func(i int) bool { return value <= h.bounds[i] })
	h.buckets[i].Add(n)
	h.sum.Add(value * n)
}

// ObserveDuration adds n observations of a duration.
func (h *Histogram) ObserveDuration(d time.Duration, n uint64) { h.Observe(uint64(max(d, 0)), n) }

// Read returns how many observations there were, their sum, and how many were at most each upper bound.
func (h *Histogram) Read() (count uint64, sum float64, cumulative map[float64]uint64) {
	cumulative = make(map[float64]uint64, len(h.bounds))
	for i := range h.buckets {
		count += h.buckets[i].Load()
		if i < len(h.bounds) {
			cumulative[float64(h.bounds[i])/h.unit] = count
		}
	}
	return count, float64(h.sum.Load()) / h.unit, cumulative
}
