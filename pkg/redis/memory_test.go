package redis

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestMarks(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for _, base := range []uint64{1, 1000, 1 << 53, math.MaxUint64 - 5000} {
		want := map[uint64]bool{}
		var all []marks
		for range 200 {
			seq := base + random.Uint64N(5000)
			want[seq] = true
			all = mark(all, seq)
		}
		for seq := base; seq < base+5000; seq++ {
			got := false
			for i := range all {
				m := &all[i]
				whole := make([]byte, m.first, len(m.bits))
				got = got || m.field == seq/numbersPerField && stored(string(append(whole, m.span()...)), seq)
			}
			if got != want[seq] {
				t.Fatalf("number %d: %v", seq, got)
			}
		}
	}
}
