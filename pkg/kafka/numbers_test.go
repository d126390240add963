package kafka

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

// The set behaves as a map does, in whatever order numbers come, and is written and read as it is.
func TestNumbersModel(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 0))
		var n numbers
		model := make(map[uint64]bool)
		for range 200 {
			from := r.Uint64N(300) + 1
			s := span{from, from + r.Uint64N(4)}
			if r.IntN(10) == 0 {
				s.to = from + r.Uint64N(60)
			}
			n.add(s)
			for i := s.from; i <= s.to; i++ {
				model[i] = true
			}
		}
		for i := range uint64(400) {
			if n.has(i) != model[i] {
				t.Fatalf("seed %d: has(%d) is %v", seed, i, n.has(i))
			}
		}
		for i := 1; i < len(n); i++ {
			if n[i].from < n[i-1].to+2 {
				t.Fatalf("seed %d: spans %v touch", seed, n)
			}
		}
		again, err := parseNumbers(n.append(nil))
		if err != nil || !reflect.DeepEqual(again, n) {
			t.Fatalf("seed %d: %v, %v; want %v", seed, again, err, n)
		}
	}
}

// Two sets together have what either has, and stay as they are.
func TestNumbersMerge(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		var sets [2]numbers
		model := make(map[uint64]bool)
		for range 60 {
			from := r.Uint64N(300) + 1
			s := span{from, from + r.Uint64N(6)}
			sets[r.IntN(2)].add(s)
			for i := s.from; i <= s.to; i++ {
				model[i] = true
			}
		}
		before := [2]numbers{slices.Clone(sets[0]), slices.Clone(sets[1])}
		all := sets[0]
		all.merge(sets[1])
		for i := range uint64(400) {
			if all.has(i) != model[i] {
				t.Fatalf("seed %d: %v and %v are %v", seed, sets[0], sets[1], all)
			}
		}
		if again, err := parseNumbers(all.append(nil)); err != nil || !slices.Equal(again, all) {
			t.Fatalf("seed %d: %v, %v; want %v", seed, again, err, all)
		}
		if !slices.Equal(before[0], sets[0]) || !slices.Equal(before[1], sets[1]) {
			t.Fatalf("seed %d: a set has changed", seed)
		}
	}
}

// The memory of a sender is bounded; the lowest numbers are forgotten first.
func TestNumbersAreBounded(t *testing.T) {
	t.Parallel()
	const last = 3*maxSpans + 100
	every := func(first uint64) (n numbers) {
		for i := range uint64(last) {
			n.add(span{first + 4*i, first + 4*i})
		}
		return n
	}
	n := every(2)
	n.add(span{1, 1})
	merged := every(4)
	merged.merge(n)
	for _, n := range []numbers{n, merged} {
		if len(n) < leastSpans || len(n) > maxSpans || n.has(1) || n.has(2) || !n.has(4*last-2) {
			t.Errorf("%d spans", len(n))
		}
		if text := n.append(nil); len(text) > 2*maxSpans+16 {
			t.Errorf("%d bytes", len(text))
		}
	}
	for i, s := range n[1:] {
		if s.from != n[i].to+4 {
			t.Fatalf("between %v and %v one is forgotten", n[i], s)
		}
	}
}

// The highest numbers there are do not overflow.
func TestNumbersAtTheEnd(t *testing.T) {
	t.Parallel()
	var n numbers
	n.add(span{math.MaxUint64 - 1, math.MaxUint64 - 1})
	n.add(span{math.MaxUint64, math.MaxUint64})
	n.add(span{1, 1})
	if !n.has(math.MaxUint64) || n.has(2) || n.highest() != math.MaxUint64 {
		t.Errorf("%v", n)
	}
	if again, err := parseNumbers(n.append(nil)); err != nil || !reflect.DeepEqual(again, n) {
		t.Errorf("%v, %v", again, err)
	}
}

func FuzzNumbers(f *testing.F) {
	for _, seed := range []numbers{nil, {{1, 1}}, {{1, 1000}, {1002, 1002}}, {{5, math.MaxUint64}}} {
		f.Add(seed.append(nil))
	}
	f.Add([]byte{0xff, 0xff, 0x03, 1})
	f.Fuzz(func(t *testing.T, text []byte) {
		n, err := parseNumbers(text)
		if err != nil {
			return
		}
		again, err := parseNumbers(n.append(nil))
		if err != nil || len(again) != len(n) {
			t.Fatalf("%v is written so that it is read as %v, %v", n, again, err)
		}
		for i, s := range n {
			if again[i] != s || !n.has(s.from) || !n.has(s.to) {
				t.Fatalf("%v and %v", n, again)
			}
		}
	})
}
