package trouble

import (
	"sync"
	"time"
)

// State is what is wrong with a destination now, for whoever asks. Its methods may be called from any goroutine; nil
// takes what it is told and forgets it.
type State struct {
	mu      sync.Mutex
	since   time.Time // when nothing was stored any more; zero: something is
	reason  string
	refusal string // why messages are refused; "": none is
	last    string // the last reason of all
	lastAt  time.Time
}

// Away notes why nothing is stored.
func (s *State) Away(reason string) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if s.since.IsZero() {
		s.since = now
	}
	s.reason, s.last, s.lastAt = reason, reason, now
}

// Stored notes that messages are stored.
func (s *State) Stored() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.since, s.reason = time.Time{}, ""
}

// Refused notes why messages are refused; "": they no longer are.
func (s *State) Refused(reason string) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refusal = reason; reason != "" {
		s.last, s.lastAt = reason, time.Now()
	}
}

// Now returns since when and why nothing is stored; the zero time: it is. refusal is why messages are refused, "": none
// is. last is the last reason for either, and when it was.
func (s *State) Now() (since time.Time, reason, refusal, last string, lastAt time.Time) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.since, s.reason, s.refusal, s.last, s.lastAt
}
