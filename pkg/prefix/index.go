package prefix

import "slices"

// Group is those who want a topic. It is never changed, and two topics that the same subscribers want have the same Group,
// until the Index changes: whoever has many messages to give compares pointers to find runs that go to the same subscribers.
type Group[S comparable] struct {
	Members []S // in the order in which they came
}

// Index finds the subscribers that want a topic, in a time that does not depend on how many there are: the prefixes of all are one radix
// tree, the last of them that a topic goes through tells all that it begins with, and who wants those is remembered there. The zero
// value is empty. Its owner guards it.
type Index[S comparable] struct {
	root    node[entry[S]]
	numbers map[S]int            // of those who want something
	order   []S                  // by number
	groups  map[string]*Group[S] // by their members, one bit each
	changes int                  // what was remembered before the last of them does not hold any more
	bits    []byte
}

// entry is who has asked for one prefix.
type entry[S comparable] struct {
	subscribers []S
	wanted      *Group[S] // by all who have asked for it or for a shorter one
	remembered  int       // Index.changes when that was found out; 0: never
}

func (e entry[S]) vacant() bool { return len(e.subscribers) == 0 }

// Add says that s wants prefix, which it did not.
func (x *Index[S]) Add(s S, prefix []byte) {
	if x.numbers == nil {
		x.numbers = make(map[S]int)
	}
	if _, known := x.numbers[s]; !known {
		x.numbers[s] = len(x.order)
		x.order = append(x.order, s)
	}
	n := x.root.grow(prefix)
	n.value.subscribers = append(n.value.subscribers, s)
	x.changed()
}

// Remove says that s does not want prefix any more.
func (x *Index[S]) Remove(s S, prefix []byte) {
	n := x.root.find(prefix)
	if n == nil {
		return
	}
	if i := slices.Index(n.value.subscribers, s); i >= 0 {
		n.value.subscribers = slices.Delete(n.value.subscribers, i, i+1)
	}
	if n.value.vacant() {
		n.value = entry[S]{} // the root stays
		x.root.prune(prefix)
	}
	x.changed()
}

// Forget forgets s, of whose prefixes each has been removed.
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
	x.changed()
}

func (x *Index[S]) changed() {
	x.changes++
	clear(x.groups)
}

// Of returns those who want topic. It allocates nothing when the same prefixes were asked for since the last change.
func (x *Index[S]) Of(topic []byte) *Group[S] {
	last := &x.root
	for n, rest := last, topic; n != nil; n, rest = n.next(rest) {
		if !n.value.vacant() {
			last = n
		}
	}
	if e := &last.value; e.remembered != x.changes || e.wanted == nil {
		e.wanted, e.remembered = x.find(topic), x.changes
	}
	return last.value.wanted
}

// find collects who has asked for one of the prefixes of topic.
func (x *Index[S]) find(topic []byte) *Group[S] {
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
