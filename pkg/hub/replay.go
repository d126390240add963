package hub

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/prefix"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// maxStep is how many topics and messages a replay looks at while publishers wait for it.
const maxStep = 256

// What is said of replays in the handshake (zmq.Property).
const (
	// ReplayProperty is a hub's: how many messages of each topic it remembers.
	ReplayProperty = "X-Replay"
	// LastProperty is a subscriber's: how many messages of each of its subscriptions a replay gives it, at most.
	LastProperty = "X-Last"
)

// asked returns the messages of a replay that a subscriber has asked for: the newest, or all if it has not said.
func asked(p *zmq.Peer, messages []*remembered) []*remembered {
	n, err := strconv.Atoi(p.Property(LastProperty))
	if err != nil || n < 0 || n > len(messages) {
		return messages
	}
	return messages[len(messages)-n:]
}

// replay gives a late subscriber the remembered messages that it did not want before, in the order in which
// they arrived, and begins its subscription, by apply, in the same step in which the replay ends: no message falls
// between the two, and none is given twice. However much is remembered, publishers wait for short steps only.
//
//  1. What is remembered is looked for in steps, and given without a lock, because the memory is pinned meanwhile.
//  2. What has arrived during 1 is given in the same way, and what has arrived during that, and so on.
//  3. When little has arrived, the rest is given and the subscription begins, under the lock.
//
// If the messages exceed the peer's replay room, it gets the newest and learns how many it missed, so that no hole
// follows them.
func (h *Hub) replay(p *zmq.Peer, prefix []byte, apply func()) {
	h.replays.Lock() // one at a time, to bound what is pinned
	defer h.replays.Unlock()
	wanted := wantedOnly(p, prefix)
	h.mu.Lock()
	until := h.memory.pin()
	h.mu.Unlock()
	give(p, asked(p, h.find(parts(p.Allowed(), prefix), until, wanted)))
	for !h.begin(p, wanted, apply) {
	}
}

// wantedOnly returns what reports whether a subscriber gets a topic because of this prefix, and of no other one.
func wantedOnly(p *zmq.Peer, prefix []byte) func(topic []byte) bool {
	allowed := p.Allowed()
	return func(topic []byte) bool {
		return bytes.HasPrefix(topic, prefix) && (allowed == nil || allowed.Match(topic)) && !p.WantsAnyway(topic, prefix)
	}
}

// begin gives a subscriber what has arrived during its replay so far. It begins the subscription if that is little.
func (h *Hub) begin(p *zmq.Peer, wanted func(topic []byte) bool, apply func()) bool {
	h.mu.Lock()
	arrived := h.memory.arrivals()
	last := len(arrived) <= maxStep
	if last {
		defer h.mu.Unlock()
	} else {
		h.mu.Unlock()
	}
	give(p, slices.DeleteFunc(arrived, func(m *remembered) bool { return !wanted([]byte(m.topic.name)) }))
	if last {
		h.memory.unpin()
		apply()
	}
	return last
}

// parts returns the prefixes to look for: of all topics only those that the subscriber may have, so that neither the
// work nor the time that it takes depends on the others.
func parts(allowed *prefix.Set, topics []byte) (all [][]byte) {
	if allowed == nil {
		return [][]byte{topics}
	}
	allowed.Part(topics, func(part []byte) { all = append(all, bytes.Clone(part)) })
	return all
}

// find runs a search for each prefix to its end, and takes the lock for one step after the other. The messages are in
// the order in which they arrived.
func (h *Hub) find(prefixes [][]byte, until uint64, wanted func(topic []byte) bool) (found []*remembered) {
	for _, prefix := range prefixes {
		s := &search{prefix: prefix, until: until, wanted: wanted, found: found}
		for more := true; more; {
			h.mu.Lock()
			more = s.step(h.memory)
			h.mu.Unlock()
		}
		found = s.found
	}
	slices.SortFunc(found, func(a, b *remembered) int { return cmp.Compare(a.seq, b.seq) })
	return found
}

// search finds the messages up to the number until whose topics have the prefix and are wanted. Of each topic it finds
// all that were remembered when the topic's turn came: those that are forgotten meanwhile are pinned, and still lead to
// the next.
type search struct {
	prefix []byte
	until  uint64
	wanted func(topic []byte) bool

	topic *topic
	next  *remembered // of the topic
	found []*remembered
}

// step looks at no more than maxStep topics and messages. It returns false at the end.
func (s *search) step(m *memory) (more bool) {
	for range maxStep {
		if s.next != nil && s.next.seq <= s.until {
			s.found = append(s.found, s.next)
			s.next = s.next.next
			continue
		}
		s.next = nil
		if s.topic = m.nextTopic(s.prefix, s.topic); s.topic == nil {
			return false
		}
		if s.wanted([]byte(s.topic.name)) {
			s.next = s.topic.oldest
		}
	}
	return true
}

// give replays messages.
func give(p *zmq.Peer, messages []*remembered) {
	if len(messages) == 0 {
		return
	}
	fit := newest(messages, p.ReplayRoom())
	if n := len(messages) - len(fit); n > 0 {
		p.Miss(uint64(n))
	}
	for _, m := range fit {
		p.Replay(m.frames()...) // there is room, unless the peer is closing
	}
}

// newest returns the last of the messages, as many as fit into size bytes on the wire; at least one if size
// is positive.
func newest(messages []*remembered, size int) []*remembered {
	from := len(messages)
	for ; from > 0 && size > 0; from-- {
		if size -= messages[from-1].wire(); size < 0 && from < len(messages) {
			break
		}
	}
	return messages[from:]
}
