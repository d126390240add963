package result

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{1, 3}, 2}, {[]float64{1, 2, 9}, 2}, {[]float64{1, 2, 4, 9}, 3}} {
		if got := Median(c.values); got != c.want {
			t.Errorf("Median(%v) = %v, want %v", c.values, got, c.want)
		}
	}
}

// The values are those of the tables of the exact test: Mann and Whitney, "On a test of whether one of two random
// variables is stochastically larger than the other", 1947, doubled for two sides.
func TestMannWhitney(t *testing.T) {
	for _, c := range []struct {
		x, y []float64
		want float64
	}{
		{[]float64{1, 2, 3}, []float64{4, 5, 6}, 2.0 / 20},
		{[]float64{1, 2, 3, 4}, []float64{5, 6, 7, 8}, 2.0 / 70},
		{[]float64{5, 6, 7, 8, 9}, []float64{0, 1, 2, 3, 4}, 2.0 / 252},
		{[]float64{1, 2, 3, 4, 5, 6}, []float64{7, 8, 9, 10, 11, 12}, 2.0 / 924},
		{[]float64{1, 2, 3, 4, 6}, []float64{5, 7, 8, 9, 10}, 4.0 / 252}, // U = 1
		{[]float64{1, 2, 3, 5, 6}, []float64{4, 7, 8, 9, 10}, 8.0 / 252}, // U = 2: 1+1+2 of 252 on each side
		{[]float64{1, 1, 1}, []float64{1, 1, 1}, 1},
		{[]float64{1, 3}, []float64{2, 4}, 2.0 * 2 / 6},
		{nil, []float64{1}, 1},
	} {
		if got := MannWhitney(c.x, c.y); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("MannWhitney(%v, %v) = %v, want %v", c.x, c.y, got, c.want)
		}
	}
}

// dealt computes the same by dealing out all the values in every way.
func dealt(x, y []float64) float64 {
	all := append(slices.Clone(x), y...)
	statistic := func(chosen uint) (u float64) {
		for i, a := range all {
			for j, b := range all {
				if chosen>>i&1 == 1 && chosen>>j&1 == 0 && a > b {
					u++
				} else if chosen>>i&1 == 1 && chosen>>j&1 == 0 && a == b {
					u += 0.5
				}
			}
		}
		return u
	}
	is := statistic(1<<len(x) - 1)
	var below, above, ways float64
	for chosen := range uint(1) << len(all) {
		if bits.OnesCount(chosen) != len(x) {
			continue
		}
		ways++
		if u := statistic(chosen); u <= is {
			below++
			if u == is {
				above++
			}
		} else {
			above++
		}
	}
	return min(1, 2*min(below, above)/ways)
}

func TestMannWhitneyWithEqualValues(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		x, y := make([]float64, 1+random.IntN(5)), make([]float64, 1+random.IntN(5))
		for i := range x {
			x[i] = float64(random.IntN(6))
		}
		for i := range y {
			y[i] = float64(random.IntN(6))
		}
		slices.Sort(x)
		slices.Sort(y)
		if got, want := MannWhitney(x, y), dealt(x, y); math.Abs(got-want) > 1e-12 {
			t.Errorf("MannWhitney(%v, %v) = %v, want %v", x, y, got, want)
		}
	}
}
