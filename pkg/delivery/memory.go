package delivery

import (
	"container/list"
	"encoding/hex"
)

const (
	// windowSize is how many of a sender's latest numbers are remembered. Older ones count as not stored: to
	// store a message twice is allowed, to lose one is not.
	windowSize = 1 << 16
	// maxSenders is how many senders are remembered; beyond that, those unheard of for the longest time are forgotten.
	maxSenders = 4096
)

// Memory is what a receiver remembers of the senders: which of their numbers it has stored. It holds 8 KiB
// for each of at most 4,096 senders. One goroutine uses it.
type Memory struct {
	senders map[SenderID]*list.Element // of *Window
	recent  list.List                  // front: heard of last
}

// Window is the memory of one sender.
type Window struct {
	id   SenderID
	name string // of the id, in hexadecimal digits
	high uint64 // the highest number marked
	bits [windowSize / 64]uint64
}

// Sender returns the memory of a sender. Being asked for counts as being heard of.
func (m *Memory) Sender(id SenderID) *Window {
	if el := m.senders[id]; el != nil {
		m.recent.MoveToFront(el)
		return el.Value.(*Window)
	}
	if m.senders == nil {
		m.senders = make(map[SenderID]*list.Element)
	}
	if len(m.senders) >= maxSenders {
		oldest := m.recent.Remove(m.recent.Back()).(*Window)
		delete(m.senders, oldest.id)
	}
	w := &Window{id: id, name: hex.EncodeToString(id[:])}
	m.senders[id] = m.recent.PushFront(w)
	return w
}

// Has tells whether a number is marked and still remembered.
func (w *Window) Has(seq uint64) bool {
	if seq > w.high || w.high-seq >= windowSize {
		return false
	}
	return w.bits[seq%windowSize/64]&(1<<(seq%64)) != 0
}

// Mark remembers a number. It returns false when the number is too old to be remembered.
func (w *Window) Mark(seq uint64) bool {
	if seq > w.high {
		w.advance(seq)
	} else if w.high-seq >= windowSize {
		return false
	}
	w.bits[seq%windowSize/64] |= 1 << (seq % 64)
	return true
}

// Unmark forgets a number: it was not stored after all.
func (w *Window) Unmark(seq uint64) {
	if w.Has(seq) {
		w.bits[seq%windowSize/64] &^= 1 << (seq % 64)
	}
}

// advance makes seq the highest number and forgets those whose bits it takes over.
func (w *Window) advance(seq uint64) {
	if seq-w.high >= windowSize {
		clear(w.bits[:])
	} else {
		for n := w.high + 1; n <= seq; n++ {
			if n%64 == 0 && seq-n >= 64 {
				w.bits[n%windowSize/64] = 0
				n += 63
				continue
			}
			w.bits[n%windowSize/64] &^= 1 << (n % 64)
		}
	}
	w.high = seq
}
