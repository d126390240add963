package prefix

import "slices"

// Group is the subscribers that want a topic. It is never changed. Until the Index changes, topics that the
// same subscribers want have the same Group: a publisher with many messages compares pointers to find runs
// that go to the same subscribers.
type Group[S comparable] struct {
	Members []S // in the order in which they first asked for something
}

// Index finds the subscribers that want a topic, in a time that does not depend on how many there are. All
// their prefixes are one radix tree, and this holds:
//
//	The deepest prefix node on a topic's path determines all prefixes of the topic, so its subscribers are cached there.
//
// For whatever else the topic begins with is shorter, and lies on the path to that node. A change of one prefix voids
// what is cached there and below, and nothing else: a subscriber that subscribes and cancels in a loop does not make
// what others want costlier to find. The zero value is empty. Its owner guards it.
type Index[S comparable] struct {
	root     node[entry[S]]
	prefixes int                  // that have subscribers
	numbers  map[S]int            // of the subscribers that have asked for something
	order    []S                  // by number
	groups   map[string]*Group[S] // by their members, one bit each
	version  int                  // rises with each change
	bits     []byte
}

// entry is the value of one prefix in the tree.
type entry[S comparable] struct {
	subscribers []S       // of this very prefix; one that has subscribed several times is there as often
	group       *Group[S] // the cache: all that want the topics whose deepest prefix this is; nil: none yet
	version     int       // the index's when group was made
}

// maxVoid bounds the groups that are listed and void. There are no more valid ones than prefixes.
const maxVoid = 1024

func (e entry[S]) vacant() bool { return len(e.subscribers) == 0 }

// Add subscribes s to prefix once more. As many calls of Remove take that back.
func (x *Index[S]) Add(s S, prefix []byte) {
	if x.numbers == nil {
		x.numbers = make(map[S]int)
	}
	if _, known := x.numbers[s]; !known {
		x.numbers[s] = len(x.order)
		x.order = append(x.order, s)
	}
	n := x.root.grow(prefix)
	if n.value.vacant() {
		x.prefixes++
	}
	n.value.subscribers = append(n.value.subscribers, s)
	x.changed(n)
}

// Remove takes one subscription of s to prefix back, if there is one.
func (x *Index[S]) Remove(s S, prefix []byte) {
	n := x.root.find(prefix)
	if n == nil {
		return
	}
	i := slices.Index(n.value.subscribers, s)
	if i < 0 {
		return
	}
	n.value.subscribers = slices.Delete(n.value.subscribers, i, i+1)
	x.changed(n)
	if n.value.vacant() {
		x.prefixes--
		n.value = entry[S]{} // the node stays if it is the root, or if several others are below it
		x.root.prune(prefix)
	}
}

// changed voids the groups that are cached at n and below.
func (x *Index[S]) changed(n *node[entry[S]]) {
	x.version++
	n.changed = x.version
}

// Forget drops what is left of s after each of its subscriptions has been removed.
func (x *Index[S]) Forget(s S) {
	i, known := x.numbers[s]
	if !known {
		return
	}
	delete(x.numbers, s)
	x.order = slices.Delete(x.order, i, i+1)
	for _, later := range x.order[i:] {
		x.numbers[later]--
	}
	x.forgetGroups() // they are listed by the members' numbers
}

func (x *Index[S]) forgetGroups() {
	clear(x.groups)
	x.changed(&x.root)
}

// Of returns the subscribers that want topic. It allocates only for a deepest prefix that no topic has had
// since the last change of a prefix that the topic begins with.
func (x *Index[S]) Of(topic []byte) *Group[S] {
	if len(x.groups) > x.prefixes+maxVoid {
		x.forgetGroups()
	}
	deepest, changed := x.deepest(topic)
	if deepest.group == nil || deepest.version < changed {
		deepest.group, deepest.version = x.collect(topic), x.version
	}
	return deepest.group
}

// deepest returns the entry of the longest prefix that topic begins with, the root's if there is none; and when such a
// prefix last changed.
func (x *Index[S]) deepest(topic []byte) (deepest *entry[S], changed int) {
	deepest = &x.root.value
	for n, rest := &x.root, topic; n != nil; n, rest = n.next(rest) {
		changed = max(changed, n.changed)
		if !n.value.vacant() {
			deepest = &n.value
		}
	}
	return deepest, changed
}

// collect returns the group of the subscribers of all prefixes on topic's path.
func (x *Index[S]) collect(topic []byte) *Group[S] {
	size := (len(x.order) + 7) / 8
	x.bits = slices.Grow(x.bits[:0], size)[:size]
	clear(x.bits)
	for n, rest := &x.root, topic; n != nil; n, rest = n.next(rest) {
		for _, s := range n.value.subscribers {
			i := x.numbers[s]
			x.bits[i/8] |= 1 << (i % 8)
		}
	}
	if g, known := x.groups[string(x.bits)]; known {
		return g
	}
	g := &Group[S]{}
	for i, s := range x.order {
		if x.bits[i/8]>>(i%8)&1 == 1 {
			g.Members = append(g.Members, s)
		}
	}
	if x.groups == nil {
		x.groups = make(map[string]*Group[S])
	}
	x.groups[string(x.bits)] = g
	return g
}
