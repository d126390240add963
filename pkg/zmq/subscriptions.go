package zmq

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmtp"
)

// The first byte of a subscription that comes as a message (ZMTP 3.0, RFC 23).
const (
	cancelByte    = 0
	subscribeByte = 1
)

// maxSubscriptionBytes bounds what one subscriber may ask us to remember: its prefixes and what keeping them costs.
const maxSubscriptionBytes = 4 << 20

// subscriptionCost is the memory that a subscription takes besides its prefix: a node of its own and one that it
// shares, roughly.
const subscriptionCost = 256

// appendSubscriptions appends what a SUB says to a new peer, in the form of version 3.1 or of 3.0.
func appendSubscriptions(dst []byte, prefixes []string, commands bool) []byte {
	for _, prefix := range prefixes {
		if commands {
			dst = zmtp.AppendCommand(dst, zmtp.Subscribe, []byte(prefix))
		} else {
			dst = zmtp.AppendFrame(dst, 0, append([]byte{subscribeByte}, prefix...))
		}
	}
	return dst
}

// subscriptions are the prefixes that one subscriber has asked for (RFC 29): two subscriptions to the same
// prefix need two cancellations. They are kept as a radix tree, so that the subscriber with ten thousand of them
// does not hold up what is published to the others. Its owner guards it.
type subscriptions struct {
	root  node
	bytes int
}

// node stands for the prefix that the labels on the way to it make.
type node struct {
	label    []byte  // what it adds to its parent's prefix; only the root's is empty
	count    int     // subscriptions to this very prefix
	heads    []byte  // the first byte of each child's label, all different
	children []*node // in the order of heads
}

// add returns an error when the subscriber has too many; it is to be dropped then.
func (s *subscriptions) add(prefix []byte) error {
	n := s.root.grow(prefix)
	if n.count == 0 {
		s.bytes += len(prefix) + subscriptionCost
	}
	if s.bytes > maxSubscriptionBytes {
		return fmt.Errorf("a subscriber asks for more prefixes than %d bytes hold", maxSubscriptionBytes)
	}
	n.count++
	return nil
}

func (s *subscriptions) remove(prefix []byte) {
	if s.root.cancel(prefix) {
		s.bytes -= len(prefix) + subscriptionCost
	}
}

// match tells whether topic, a message's first frame, begins with one of the prefixes.
func (s *subscriptions) match(topic []byte) bool {
	for n := &s.root; ; {
		if n.count > 0 {
			return true
		}
		i := n.child(topic)
		if i < 0 {
			return false
		}
		n = n.children[i]
		if !bytes.HasPrefix(topic, n.label) {
			return false
		}
		topic = topic[len(n.label):]
	}
}

// child is the index of the only child that can lead to rest, or -1.
func (n *node) child(rest []byte) int {
	if len(rest) == 0 {
		return -1
	}
	return bytes.IndexByte(n.heads, rest[0])
}

// grow returns the node of a prefix, which it makes if it has to.
func (n *node) grow(prefix []byte) *node {
	for len(prefix) > 0 {
		i := n.child(prefix)
		if i < 0 {
			n.heads = append(n.heads, prefix[0])
			n.children = append(n.children, &node{label: bytes.Clone(prefix)})
			return n.children[len(n.children)-1]
		}
		next := n.children[i]
		common := commonLen(next.label, prefix)
		if common < len(next.label) { // a node between the two
			next.label = bytes.Clone(next.label[common:])
			next = &node{label: bytes.Clone(prefix[:common]), heads: []byte{next.label[0]}, children: []*node{next}}
			n.children[i] = next
		}
		n, prefix = next, prefix[common:]
	}
	return n
}

// cancel takes back one subscription to prefix, below n. It tells whether it was the last one.
func (n *node) cancel(prefix []byte) (last bool) {
	if len(prefix) == 0 {
		if n.count == 0 {
			return false
		}
		n.count--
		return n.count == 0
	}
	i := n.child(prefix)
	if i < 0 || !bytes.HasPrefix(prefix, n.children[i].label) {
		return false
	}
	next := n.children[i]
	last = next.cancel(prefix[len(next.label):])
	switch {
	case next.count > 0:
	case len(next.children) == 0:
		n.heads = slices.Delete(n.heads, i, i+1)
		n.children = slices.Delete(n.children, i, i+1)
	case len(next.children) == 1: // it only stood between the two
		only := next.children[0]
		only.label = slices.Concat(next.label, only.label)
		n.children[i] = only
	}
	return last
}

func commonLen(a, b []byte) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}
