package prefix

import (
	"fmt"
	"maps"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// word returns short topics that share many prefixes.
func word(random *rand.Rand) string {
	b := make([]byte, random.IntN(7))
	for i := range b {
		b[i] = "ab\x00"[random.IntN(3)]
	}
	return string(b)
}

// The tree agrees with a naive list, and holds no node for a prefix that was cancelled.
func TestSetAgainstAList(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	var set Set
	list := make(map[string]int)
	for range 50_000 {
		switch topic := word(random); random.IntN(5) {
		case 0:
			list[topic]++
			if first, err := set.Add([]byte(topic)); err != nil || first != (list[topic] == 1) {
				t.Fatal(first, err)
			}
		case 1, 2:
			last := list[topic] == 1
			if set.Remove([]byte(topic)) != last {
				t.Fatalf("%q: last should be %v", topic, last)
			}
			if list[topic]--; list[topic] <= 0 {
				delete(list, topic)
			}
			if n := nodes(&set.root); n > 2*len(list)+1 {
				t.Fatalf("%d nodes for %d prefixes", n, len(list))
			}
		case 3:
			var walked []string
			set.Walk(func(prefix []byte) { walked = append(walked, string(prefix)) })
			slices.Sort(walked)
			if want := slices.Sorted(maps.Keys(list)); !slices.Equal(walked, want) {
				t.Fatalf("walked %q, want %q", walked, want)
			}
		default:
			size, want, other := random.IntN(7), false, false
			for prefix := range list {
				want = want || strings.HasPrefix(topic, prefix)
				other = other || (strings.HasPrefix(topic, prefix) && len(prefix) != size)
			}
			if set.Match([]byte(topic)) != want || set.MatchOther([]byte(topic), size) != other {
				t.Fatalf("%q: want %v, %v without %d bytes, of %v", topic, want, other, size, list)
			}
		}
	}
	for topic, n := range list {
		for range n {
			set.Remove([]byte(topic))
		}
	}
	set.Add([]byte("ab"))
	set.Add([]byte("ab"))
	if set.RemoveAll([]byte("a")) || !set.RemoveAll([]byte("ab")) || set.RemoveAll([]byte("ab")) {
		t.Error("all subscriptions to one prefix are not taken back at once")
	}
	if !set.Empty() || len(set.root.children) != 0 || set.root.value != 0 {
		t.Errorf("an empty set: %+v", set)
	}
}

func nodes[V value](n *node[V]) int {
	sum := 1
	for _, child := range n.children {
		sum += nodes(child)
	}
	return sum
}

// A subscriber that asks for too much gets an error, and its prefixes stay; the empty prefix is always accepted.
func TestSetIsBounded(t *testing.T) {
	var set Set
	for i := range 2 * MaxBytes / cost {
		if _, err := set.Add(fmt.Append(nil, i)); err == nil {
			continue
		}
		if first, err := set.Add([]byte("0")); first || err != nil {
			t.Errorf("a second subscription to a prefix that it has: %v", err)
		}
		if set.bytes > MaxBytes || set.bytes < MaxBytes-2*cost {
			t.Errorf("full with %d bytes", set.bytes)
		}
		if set.Match([]byte("x")) || !set.Match(fmt.Append(nil, i-1)) || set.Remove([]byte("x")) {
			t.Error("the refused prefix has changed the set")
		}
		if first, err := set.Add(nil); !first || err != nil || !set.Match([]byte("x")) {
			t.Errorf("the empty prefix: %v", err)
		}
		return
	}
	t.Error("no prefix was refused")
}

// The index agrees with asking every subscriber in turn, and has one Group for the same subscribers.
func TestIndexAgainstEverybody(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	var index Index[int]
	wants := make([]map[string]int, 12) // how many times
	for s := range wants {
		wants[s] = make(map[string]int)
	}
	seen := make(map[string]*Group[int])
	for range 50_000 {
		s, topic := random.IntN(len(wants)), word(random)
		switch random.IntN(6) {
		case 0:
			index.Add(s, []byte(topic))
			wants[s][topic]++
			clear(seen)
		case 1, 2:
			index.Remove(s, []byte(topic))
			if wants[s][topic]--; wants[s][topic] <= 0 {
				delete(wants[s], topic)
			}
			clear(seen)
		case 3:
			if random.IntN(20) == 0 {
				for prefix, n := range wants[s] {
					for range n {
						index.Remove(s, []byte(prefix))
					}
				}
				index.Forget(s)
				clear(wants[s])
				clear(seen)
			}
		default:
			checkIndex(t, &index, topic, wants, seen)
		}
	}
	for s := range wants {
		for prefix, n := range wants[s] {
			for range n {
				index.Remove(s, []byte(prefix))
			}
		}
		index.Forget(s)
	}
	if len(index.root.children)+len(index.order)+len(index.numbers)+index.prefixes > 0 {
		t.Errorf("an empty index: %+v", index)
	}
}

func checkIndex(t *testing.T, index *Index[int], topic string, wants []map[string]int, seen map[string]*Group[int]) {
	t.Helper()
	var want []int
	for s, prefixes := range wants {
		for prefix := range prefixes {
			if strings.HasPrefix(topic, prefix) {
				want = append(want, s)
				break
			}
		}
	}
	group := index.Of([]byte(topic))
	if got := slices.Sorted(slices.Values(group.Members)); !slices.Equal(got, want) {
		t.Fatalf("%q: %v, want %v of %v", topic, got, want, wants)
	}
	key := fmt.Sprint(want)
	if other, ok := seen[key]; ok && other != group {
		t.Fatalf("two groups of %s", key)
	}
	seen[key] = group
}

// Whatever else the prefixes are, topics with the same deepest prefix have the same Group, made once: the
// invariant of Index.
func TestDeepestPrefixDeterminesTheGroup(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	for range 500 {
		var index Index[int]
		prefixes := make(map[string]bool)
		for s := range 1 + random.IntN(20) {
			prefix := word(random)
			index.Add(s, []byte(prefix))
			prefixes[prefix] = true
		}
		groups := make(map[string]*Group[int])
		for range 100 {
			topic := word(random)
			deepest := "none"
			for n := range len(topic) + 1 {
				if prefixes[topic[:n]] {
					deepest = "prefix " + topic[:n]
				}
			}
			group := index.Of([]byte(topic))
			clear(index.groups) // from now on only the prefix's node can have it
			if first, seen := groups[deepest]; seen && group != first {
				t.Fatalf("%q has another group than the other topics with the deepest %s", topic, deepest)
			}
			groups[deepest] = group
		}
	}
}

// A subscriber that subscribes and cancels in a loop does not make it costlier to find what others want, and leaves no
// memory behind. The root's subscribers are in each group, and "loop" is above and below others' prefixes.
func TestLoopVoidsNothingElse(t *testing.T) {
	var index Index[int]
	for s, prefix := range []string{"", "a", "ab", "loop.x", "loo", "z"} {
		index.Add(s, []byte(prefix))
	}
	topics := []string{"abc", "a", "x", "loo", "z1"}
	groups := make(map[string]*Group[int])
	for _, topic := range topics {
		groups[topic] = index.Of([]byte(topic))
	}
	for i := range 10_000 {
		looping := 100 + i%20
		index.Add(looping, []byte("loop"))
		if members := index.Of([]byte("loop.x")).Members; !slices.Contains(members, looping) || !slices.Contains(members, 3) {
			t.Fatalf("while it wants it: %v", members)
		}
		for _, topic := range topics {
			if index.Of([]byte(topic)) != groups[topic] {
				t.Fatalf("%q was looked up again", topic)
			}
		}
		index.Remove(looping, []byte("loop"))
		if members := index.Of([]byte("loop.x")).Members; slices.Contains(members, looping) {
			t.Fatalf("after it has cancelled: %v", members)
		}
	}
	wants := make(map[int]bool)
	for i := range 1 << 12 { // as a Gray code counts: other subscribers want everything each time
		s := 1000 + bits.TrailingZeros(uint(i)|1<<12)
		if wants[s] = !wants[s]; wants[s] {
			index.Add(s, nil)
		} else {
			index.Remove(s, nil)
		}
		index.Of([]byte("a"))
	}
	if n := len(index.groups); n > maxVoid+10 {
		t.Errorf("%d groups are listed for %d prefixes", n, index.prefixes)
	}
}

// A Map agrees with a sorted list of its keys.
func TestMapAgainstAList(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 10))
	var m Map[string]
	list := make(map[string]string)
	for i := range 50_000 {
		switch key := word(random); random.IntN(4) {
		case 0:
			list[key] = fmt.Sprint(key, i)
			m.Set([]byte(key), list[key])
		case 1:
			delete(list, key)
			m.Delete([]byte(key))
			if n := nodes(&m.root); n > 2*len(list)+1 {
				t.Fatalf("%d nodes for %d keys", n, len(list))
			}
		default:
			want, found := "", false
			if keys := slices.Sorted(maps.Keys(list)); len(keys) > 0 {
				if i, _ := slices.BinarySearch(keys, key); i < len(keys) {
					want, found = list[keys[i]], true
				}
			}
			if got, ok := m.From([]byte(key)); got != want || ok != found {
				t.Fatalf("from %q on: %q, want %q of %v", key, got, want, list)
			}
		}
	}
}

// A topic that was never seen costs no more than one that was.
func TestIndexAllocatesNothing(t *testing.T) {
	var index Index[int]
	for s := range 1000 {
		index.Add(s, fmt.Appendf(nil, "program%d.", s))
	}
	topics := make([][]byte, 1000)
	for i := range topics {
		topics[i] = fmt.Appendf(nil, "program%d.%d", i%10, i)
	}
	for i := range 10 {
		index.Of(topics[i])
	}
	i := 0
	if n := testing.AllocsPerRun(len(topics), func() { index.Of(topics[i%len(topics)]); i++ }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkIndex(b *testing.B) {
	var index Index[int]
	for s := range 1000 {
		index.Add(s, fmt.Appendf(nil, "auth.info.program%d", s))
	}
	topic := []byte("auth.info.program500")
	b.ReportAllocs()
	for b.Loop() {
		index.Of(topic)
	}
}
