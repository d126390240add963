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
)

// Memory holds which numbers of each sender a receiver has stored: 8 KiB for each of at most 4,096 senders. It is for
// one goroutine.
type Memory struct {
	senders map[SenderID]*list.Element // of *Seen
	recent  list.List                  // front: the sender heard from last
}

// Seen holds the numbers of one sender that are stored, as far as they are remembered.
type Seen struct {
	id   SenderID
	name string // id in hexadecimal digits
	high uint64 // the highest number marked

	holder     message.Claim // whose messages were stored last, or are to be stored in this round
	holding    bool          // nothing of the holder has been stored yet; if nothing is, the next two are true again:
	before     message.Claim // the holder before
	beforeHigh uint64

	bits [seenSize / 64]uint64
}

// Sender returns the memory of a sender, which counts as heard from now. At maxSenders a new sender takes the place of
// the one that has been silent longest.
func (m *Memory) Sender(id SenderID) *Seen {
	if el := m.senders[id]; el != nil {
		m.recent.MoveToFront(el)
		return el.Value.(*Seen)
	}
	if m.senders == nil {
		m.senders = make(map[SenderID]*list.Element)
	}
	if len(m.senders) >= maxSenders {
		oldest := m.recent.Remove(m.recent.Back()).(*Seen)
		delete(m.senders, oldest.id)
	}
	s := &Seen{id: id, name: hex.EncodeToString(id[:])}
	m.senders[id] = m.recent.PushFront(s)
	return s
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
