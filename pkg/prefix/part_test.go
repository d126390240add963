package prefix

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// The parts of a prefix are the shortest ones, do not overlap, and match what the prefix and the set match together.
func TestPartAgainstAList(t *testing.T) {
	random := rand.New(rand.NewPCG(11, 12))
	for range 3000 {
		var set Set
		list := make(map[string]bool)
		for range random.IntN(6) {
			topic := word(random)
			list[topic] = true
			set.Insert([]byte(topic))
		}
		asked := word(random)
		var want, got []string
		for prefix := range list {
			if strings.HasPrefix(asked, prefix) {
				want = []string{asked}
				break
			}
			covered := slices.ContainsFunc(slices.Collect(maps.Keys(list)), func(other string) bool {
				return other != prefix && strings.HasPrefix(prefix, other)
			})
			if strings.HasPrefix(prefix, asked) && !covered {
				want = append(want, prefix)
			}
		}
		text := []byte(asked + "beyond")
		set.Part(text[:len(asked)], func(part []byte) { got = append(got, string(part)) })
		slices.Sort(want)
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Fatalf("the parts of %q are %q, want %q, of %v", asked, got, want, list)
		}
		if string(text) != asked+"beyond" {
			t.Fatalf("what follows the prefix has become %q", text)
		}
		if cover := set.Cover([]byte(asked)); set.Match([]byte(asked)) && !list[string(cover)] ||
			set.MatchOther(cover, len(cover)) || !strings.HasPrefix(asked, string(cover)) {
			t.Fatalf("%q covers %q in %v", cover, asked, list)
		}
	}
}

// Insert has no limit, and Add's is the same after it.
func TestInsertIsUnbounded(t *testing.T) {
	var set Set
	n := MaxBytes/cost + 10
	for i := range n {
		if !set.Insert(fmt.Append(nil, "x", i)) || set.Insert(fmt.Append(nil, "x", i)) {
			t.Fatal("it is not inserted once")
		}
	}
	if _, err := set.Add([]byte("y")); err == nil {
		t.Error("another prefix was added to a set that is full")
	}
	if first, err := set.Add([]byte("x1")); first || err != nil || !set.Match(fmt.Append(nil, "x", n-1)) {
		t.Errorf("%v, %v", first, err)
	}
}
