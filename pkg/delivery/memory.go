package delivery

import (
	"container/list"
	"encoding/hex"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

const (
	// seenSize is how many of a sender's latest numbers are remembered. Older ones count as not stored: storing a
	// message twice is allowed, losing one is not.
	seenSize = 1 << 16
	// maxSenders is how many senders are remembered. Beyond that, the one that has been silent longest is forgotten.
	maxSenders = 4096
	// share is how many of these one key may take from others when there is no room: a client with many sender ids must
	// not have whose the others are forgotten.
	share = maxSenders / 16
)

// Memory holds which numbers of each sender a receiver has stored: 8 KiB for each of at most 4,096 senders. It is for
// one goroutine.
type Memory struct {
	senders map[SenderID]*list.Element // of *Seen
	ofKey   map[string]int             // how many of them each key has brought; "": what has none
	recent  list.List                  // front: the sender heard from last
}

// Seen holds the numbers of one sender that are stored, as far as they are remembered.
type Seen struct {
	id   SenderID
	name string // id in hexadecimal digits
	key  string // who brought the id first: a CURVE key, or ""
	high uint64 // the highest number marked

	holder     message.Claim // whose messages were stored last, or are to be stored in this round
	holding    bool          // nothing of the holder has been stored yet; if nothing is, the next two are true again:
	since      *round        // the one in which the holder has changed
	before     message.Claim // the holder before
	beforeHigh uint64

	bits [seenSize / 64]uint64
}

// Sender returns the memory of a sender, which counts as heard from now. At maxSenders a new sender takes the place of
// the one that has been silent longest; of its own key's, if that has brought many. key is "" for what has none.
func (m *Memory) Sender(id SenderID, key string) *Seen {
	if el := m.senders[id]; el != nil {
		m.recent.MoveToFront(el)
		return el.Value.(*Seen)
	}
	if m.senders == nil {
		m.senders, m.ofKey = make(map[SenderID]*list.Element), make(map[string]int)
	}
	if len(m.senders) >= maxSenders {
		m.forget(key)
	}
	s := &Seen{id: id, name: hex.EncodeToString(id[:]), key: key}
	m.senders[id] = m.recent.PushFront(s)
	m.ofKey[key]++
	return s
}

// forget makes room for a sender that a key brings.
func (m *Memory) forget(key string) {
	el := m.recent.Back()
	if m.ofKey[key] >= share {
		for el.Value.(*Seen).key != key {
			el = el.Prev()
		}
	}
	oldest := m.recent.Remove(el).(*Seen)
	delete(m.senders, oldest.id)
	if m.ofKey[oldest.key]--; m.ofKey[oldest.key] == 0 {
		delete(m.ofKey, oldest.key)
	}
}

// Has reports whether a number is marked and still remembered.
func (s *Seen) Has(seq uint64) bool {
	if seq > s.high || s.high-seq >= seenSize {
		return false
	}
	return s.bits[seq%seenSize/64]&(1<<(seq%64)) != 0
}

// Mark remembers a number. It returns false when the number is too old to be remembered.
func (s *Seen) Mark(seq uint64) bool {
	if seq > s.high {
		s.advance(seq)
	} else if s.high-seq >= seenSize {
		return false
	}
	s.bits[seq%seenSize/64] |= 1 << (seq % 64)
	return true
}

// Unmark forgets a number, which was not stored after all.
func (s *Seen) Unmark(seq uint64) {
	if s.Has(seq) {
		s.bits[seq%seenSize/64] &^= 1 << (seq % 64)
	}
}

// advance makes seq the highest number and forgets the numbers whose bits it takes over.
func (s *Seen) advance(seq uint64) {
	if seq-s.high >= seenSize {
		clear(s.bits[:])
	} else {
		for n := s.high; n != seq; {
			if n++; n%64 == 0 && seq-n >= 64 {
				s.bits[n%seenSize/64] = 0
				n += 63
				continue
			}
			s.bits[n%seenSize/64] &^= 1 << (n % 64)
		}
	}
	s.high = seq
}
