// Package prefix matches topics against the prefixes that subscribers ask for, as RFC 29 (ZeroMQ's PUB and SUB) means
// it: byte by byte; an empty prefix matches everything.
//
// A Set is what one subscriber wants. An Index finds, among many subscribers, those that want a topic. A Map finds,
// among many topics, those that a subscriber wants. Nothing here does I/O or locks.
package prefix

import (
	"fmt"
	"slices"
)

// MaxBytes bounds the memory that one subscriber's prefixes may take here, with what storing them costs.
const MaxBytes = 4 << 20

// cost is roughly the memory that a prefix takes in addition to its bytes, in a Set and an Index: nodes of
// its own and its part of shared ones.
const cost = 512

// Set is what one subscriber has asked for. It is a radix tree, so that a subscriber with thousands of
// prefixes does not hold up what is published to the others. The zero value is empty. Its owner guards it.
type Set struct {
	root  node[count]
	bytes int
}

// count is the number of subscriptions to one prefix.
type count int

func (c count) vacant() bool { return c == 0 }

// Add adds one subscription to prefix, which is copied. first reports whether it is the only one to this very
// prefix. An error means that the prefixes would exceed MaxBytes; the set is then as it was. There is always
// room for the empty prefix.
func (s *Set) Add(prefix []byte) (first bool, err error) {
	n := s.root.grow(prefix)
	if n.value == 0 && s.bytes+len(prefix)+cost > MaxBytes && len(prefix) > 0 {
		s.root.prune(prefix)
		return false, fmt.Errorf("more prefixes than %d bytes hold", MaxBytes)
	}
	return s.count(n, prefix), nil
}

// Insert is Add without a limit, for prefixes whose number something else bounds.
func (s *Set) Insert(prefix []byte) (first bool) { return s.count(s.root.grow(prefix), prefix) }

// count counts one more subscription to a prefix, whose node is n.
func (s *Set) count(n *node[count], prefix []byte) (first bool) {
	if n.value++; n.value > 1 {
		return false
	}
	s.bytes += len(prefix) + cost
	return true
}

// Remove takes one subscription to prefix back, if there is one. last reports whether it was the only one to
// this very prefix.
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

// RemoveAll takes all subscriptions to prefix back at once. It reports whether there were any.
func (s *Set) RemoveAll(prefix []byte) bool {
	if n := s.root.find(prefix); n != nil && n.value > 0 {
		n.value = 1
	}
	return s.Remove(prefix)
}

// Match reports whether topic, a message's first frame, begins with one of the prefixes.
func (s *Set) Match(topic []byte) bool {
	for n := &s.root; n != nil; n, topic = n.next(topic) {
		if n.value > 0 {
			return true
		}
	}
	return false
}

// MatchOther is Match that ignores a prefix of size bytes. A topic begins with at most one prefix of any size.
func (s *Set) MatchOther(topic []byte, size int) bool {
	for n, rest := &s.root, topic; n != nil; n, rest = n.next(rest) {
		if n.value > 0 && len(topic)-len(rest) != size {
			return true
		}
	}
	return false
}

// Part calls f with the shortest prefixes of the topics that begin with prefix and match the set: with prefix itself if
// all of them match, otherwise with those of the set's prefixes that begin with it, without any that another one
// covers. No topic begins with two parts. f must not retain a part, nor change the set.
func (s *Set) Part(prefix []byte, f func(part []byte)) {
	if s.Match(prefix) {
		f(prefix)
	} else if n, before := s.root.below(prefix); n != nil {
		n.tops(slices.Clip(before), f)
	}
}

// Cover returns the shortest of the set's prefixes that topic begins with, which is a part of topic. It is empty if
// there is none, too.
func (s *Set) Cover(topic []byte) []byte {
	for n, rest := &s.root, topic; n != nil; n, rest = n.next(rest) {
		if n.value > 0 {
			return topic[: len(topic)-len(rest) : len(topic)-len(rest)]
		}
	}
	return nil
}

// Empty reports whether nothing is wanted.
func (s *Set) Empty() bool { return s.bytes == 0 }

// Walk calls f with each prefix once. f must neither retain the prefix nor change the set.
func (s *Set) Walk(f func(prefix []byte)) { s.root.walk(nil, f) }

// Cost returns roughly the memory that a subscriber's prefix takes, in bytes.
func Cost(prefix []byte) int { return len(prefix) + cost }
