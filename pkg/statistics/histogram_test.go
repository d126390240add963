package statistics

import (
	"math"
	"testing"
	"time"
)

func TestHistogram(t *testing.T) {
	h := Durations()
	h.ObserveDuration(time.Millisecond, 3) // a bound counts as within
	h.ObserveDuration(time.Hour, 1)
	h.ObserveDuration(-time.Second, 1) // a clock that went back
	count, sum, cumulative := h.Read()
	if count != 5 || math.Abs(sum-3600.003) > 1e-9 {
		t.Errorf("%d observations, sum %v", count, sum)
	}
	for bound, n := range map[float64]uint64{0.0005: 1, 0.001: 4, 300: 4} {
		if cumulative[bound] != n {
			t.Errorf("at most %v s: %d, want %d; there are %v", bound, cumulative[bound], n, cumulative)
		}
	}
	var none *Histogram
	none.Observe(1, 1)
}

func BenchmarkObserve(b *testing.B) {
	h := Durations()
	b.ReportAllocs()
	for b.Loop() {
		h.ObserveDuration(3*time.Millisecond, 1)
	}
}
