package tap

import (
	"sync"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/budget"
)

// pins is how many readers write a message at the moment.
type pins struct {
	mu     sync.Mutex
	number int
}

// Pin takes the message's memory out of a budget, once for all readers that have pinned it. A reader does that with a
// large message that it writes, since what is being written cannot be given up. It returns false if there is no memory.
// Unpin gives it back.
func (m *Message) Pin(from *budget.Share) bool {
	m.pins.mu.Lock()
	defer m.pins.mu.Unlock()
	if m.pins.number == 0 && !from.Take(m.cost()) {
		return false
	}
	m.pins.number++
	return true
}

// Unpin takes back one Pin that has returned true.
func (m *Message) Unpin(to *budget.Share) {
	m.pins.mu.Lock()
	defer m.pins.mu.Unlock()
	if m.pins.number--; m.pins.number == 0 {
		to.Give(m.cost())
	}
}

// Large reports whether a reader pins the message before it writes it.
func (m *Message) Large() bool { return m.load() > maxShared }
