// Package prefix matches topics against the prefixes that subscribers ask for, as RFC 29 (ZeroMQ's PUB and SUB) means
// it: byte by byte, an empty prefix matches everything, and two subscriptions to the same prefix need two cancellations.
//
// A Set is what one subscriber wants; an Index finds, among many subscribers, those that want a topic. Nothing here does
// I/O or locks.
package prefix

import "fmt"

// MaxBytes bounds what one subscriber may ask us to remember: its prefixes and what keeping them costs.
const MaxBytes = 4 << 20

// cost is the memory that a prefix takes besides its bytes, in a Set and an Index: nodes of its own and some that it shares, roughly.
const cost = 512

// Set is what one subscriber has asked for. It is a radix tree, so that the subscriber with thousands of prefixes does not hold
// up what is published to the others. The zero value is empty. Its owner guards it.
type Set struct {
	root  node[count]
	bytes int
}

// count is the number of subscriptions to one prefix.
type count int

func (c count) vacant() bool { return c == 0 }

// Add adds one subscription to prefix, which is copied. first tells that there was none to this very prefix. With an error, which
// says that there would be too many, the set is as it was. For the empty prefix there is always room.
func (s *Set) Add(prefix []byte) (first bool, err error) {
	n := s.root.grow(prefix)
	if n.value++; n.value > 1 {
		return false, nil
	}
	if s.bytes+len(prefix)+cost > MaxBytes && len(prefix) > 0 {
		n.value = 0
		s.root.prune(prefix)
		return false, fmt.Errorf("more prefixes than %d bytes hold", MaxBytes)
	}
	s.bytes += len(prefix) + cost
	return true, nil
}

// Remove takes one subscription to prefix back, if there is one. last tells that there is none left to this very prefix.
func (s *Set) Remove(prefix []byte) (last bool) {
	n := s.root.find(prefix)
	if n == nil || n.value == 0 {
		return false
	}
	if n.value--; n.value > 0 {
		return false
	}
	s.root.prune(prefix)
	s.bytes -= len(prefix) + cost
	return true
}

// Match tells whether topic, a message's first frame, begins with one of the prefixes.
func (s *Set) Match(topic []byte) bool {
	for n := &s.root; n != nil; n, topic = n.next(topic) {
		if n.value > 0 {
			return true
		}
	}
	return false
}

// MatchOther is Match without the prefix of size bytes, if there is one: of any size, a topic begins with one only.
func (s *Set) MatchOther(topic []byte, size int) bool {
	for n, rest := &s.root, topic; n != nil; n, rest = n.next(rest) {
		if n.value > 0 && len(topic)-len(rest) != size {
			return true
		}
	}
	return false
}

// Empty tells that nothing is wanted.
func (s *Set) Empty() bool { return s.bytes == 0 }

// Walk calls f with each prefix once. f must neither keep the prefix nor change the set.
func (s *Set) Walk(f func(prefix []byte)) { s.root.walk(nil, f) }
