package prefix

import (
	"bytes"
	"slices"
)

// node is a radix tree of prefixes. It stands for the prefix that the labels on the path to it spell; value
// belongs to that prefix.
type node[V value] struct {
	label    []byte // what the node adds to its parent's prefix; empty only in the root
	value    V
	heads    []byte     // the first byte of each child's label: all different, and sorted
	children []*node[V] // in the order of heads
	changed  int        // an Index's version at the last change of this prefix, or of a vacant one that was above it
}

// value is what a tree stores for a prefix. A vacant value needs no node.
type value interface{ vacant() bool }

// next returns the child of n on the path to rest, and what remains of rest after its label; or nil.
func (n *node[V]) next(rest []byte) (*node[V], []byte) {
	i := n.child(rest)
	if i < 0 || !bytes.HasPrefix(rest, n.children[i].label) {
		return nil, nil
	}
	n = n.children[i]
	return n, rest[len(n.label):]
}

// child returns the index of the only child that can lead to rest, or -1.
func (n *node[V]) child(rest []byte) int {
	if len(rest) == 0 {
		return -1
	}
	return bytes.IndexByte(n.heads, rest[0])
}

// find returns the node of a prefix, or nil.
func (n *node[V]) find(prefix []byte) *node[V] {
	for n != nil && len(prefix) > 0 {
		n, prefix = n.next(prefix)
	}
	return n
}

// grow returns the node of a prefix, and makes it if there is none.
func (n *node[V]) grow(prefix []byte) *node[V] {
	for len(prefix) > 0 {
		i := n.child(prefix)
		if i < 0 {
			leaf := &node[V]{label: bytes.Clone(prefix)}
			at, _ := slices.BinarySearch(n.heads, prefix[0])
			n.heads = slices.Insert(n.heads, at, prefix[0])
			n.children = slices.Insert(n.children, at, leaf)
			return leaf
		}
		next := n.children[i]
		common := commonLen(next.label, prefix)
		if common < len(next.label) { // put a node between the two
			next.label = bytes.Clone(next.label[common:])
			next = &node[V]{label: bytes.Clone(prefix[:common]), heads: []byte{next.label[0]}, children: []*node[V]{next}}
			n.children[i] = next
		}
		n, prefix = next, prefix[common:]
	}
	return n
}

// prune removes the node of a prefix below n if it is vacant, and the nodes that only led to it.
func (n *node[V]) prune(prefix []byte) {
	i := n.child(prefix)
	if i < 0 || !bytes.HasPrefix(prefix, n.children[i].label) {
		return
	}
	next := n.children[i]
	next.prune(prefix[len(next.label):])
	switch {
	case !next.value.vacant():
	case len(next.children) == 0:
		n.heads = slices.Delete(n.heads, i, i+1)
		n.children = slices.Delete(n.children, i, i+1)
	case len(next.children) == 1: // join its label with its child's
		only := next.children[0]
		only.label, only.changed = slices.Concat(next.label, only.label), max(next.changed, only.changed)
		n.children[i] = only
	}
}

// seek returns the first node, in the order of their prefixes, whose prefix is not less than that of n followed by
// rest, among n and the nodes below it; or nil.
func (n *node[V]) seek(rest []byte) *node[V] {
	if len(rest) == 0 {
		return n.first()
	}
	i, same := slices.BinarySearch(n.heads, rest[0])
	if same {
		next := n.children[i]
		switch common := commonLen(next.label, rest); {
		case common == len(next.label):
			if found := next.seek(rest[common:]); found != nil {
				return found
			}
			i++
		case common < len(rest) && next.label[common] < rest[common]:
			i++ // everything there is less
		}
	}
	if i == len(n.children) {
		return nil
	}
	return n.children[i].first()
}

// first returns the first of n and the nodes below it that is not vacant; nil only in an empty tree.
func (n *node[V]) first() *node[V] {
	for n.value.vacant() {
		if len(n.children) == 0 {
			return nil
		}
		n = n.children[0]
	}
	return n
}

func (n *node[V]) walk(before []byte, f func(prefix []byte)) {
	before = append(before, n.label...)
	if !n.value.vacant() {
		f(before)
	}
	for _, child := range n.children {
		child.walk(before, f)
	}
}

// below returns the uppermost node whose prefix begins with that of n followed by prefix, and what precedes its label;
// or nil.
func (n *node[V]) below(prefix []byte) (_ *node[V], before []byte) {
	for rest := prefix; len(rest) > 0; {
		i := n.child(rest)
		if i < 0 {
			return nil, nil
		}
		before = prefix[:len(prefix)-len(rest)]
		n = n.children[i]
		common := commonLen(n.label, rest)
		if common < min(len(n.label), len(rest)) {
			return nil, nil
		}
		rest = rest[common:]
	}
	return n, before
}

// tops calls f with the prefixes at n and below that are not vacant, and not below another such one.
func (n *node[V]) tops(before []byte, f func(prefix []byte)) {
	before = append(before, n.label...)
	if !n.value.vacant() {
		f(before)
		return
	}
	for _, child := range n.children {
		child.tops(before, f)
	}
}

func commonLen(a, b []byte) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}
