package delivery

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/statistics"
)

// ages observes how old lines are when they are confirmed, those that came at the same time at once.
type ages struct {
	histogram *statistics.Histogram
	now       int64  // of the Sender's clock
	at        int64  // when the last ones came
	n         uint64 // how many they are
}

func (a *ages) add(at int64) {
	if at != a.at {
		a.observe()
		a.at = at
	}
	a.n++
}

func (a *ages) observe() {
	a.histogram.Observe(uint64(max(a.now-a.at, 0)), a.n)
	a.n = 0
}

// State is what an account owes at a moment, for people.
type State struct {
	Unconfirmed int    // accepted and not confirmed, except for what was not submitted yet
	Oldest      int64  // nanoseconds for which the oldest of them has been owed, by this process
	Refused     int    // of them: a receiver has refused them
	Reason      string // why, for the last one; it may be of a message that was stored since
	NoRoom      error  // why the journal had no room for the last line; nil: it had, or there is none
	NoRoomFor   int64  // nanoseconds for which it has had none
}

// State returns what is owed now.
func (s *Sender) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := State{Refused: s.refused + len(s.parked) + len(s.turned), Reason: s.refusal}
	for range s.repeats.refused() {
		state.Refused++
	}
	state.Unconfirmed = s.unconfirmed + state.Refused
	now := s.clock()
	if full := s.full.Load(); full != nil { // the conversation's goroutine sets it without mu
		state.NoRoom, state.NoRoomFor = full.why, now-full.since
	}
	s.owed.each(func(e *entry) {
		if e.state != confirmed {
			state.Oldest = max(state.Oldest, now-e.at)
		}
	})
	return state
}

// UnconfirmedBy returns how many messages a connection has not answered.
func (s *Sender) UnconfirmedBy(l Link) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.connections[l]; c != nil {
		return len(c.queue) - c.head
	}
	return 0
}

// debtors names the connected receivers that owe answers, or all if none does. The caller holds mu.
func (s *Sender) debtors() string {
	const most = 3 // names
	var names []string
	for to, c := range s.connections {
		if remote, named := to.(interface{ Remote() string }); named && c.owes() {
			names = append(names, remote.Remote())
		}
	}
	if len(names) == 0 {
		return fmt.Sprintf("%d connected peers", len(s.connections))
	}
	slices.Sort(names)
	if more := len(names) - most; more > 0 {
		names = append(names[:most], fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, ", ")
}

// State returns how many lines are held: see Publisher.
func (p *Publisher) State() State {
	p.mu.Lock()
	defer p.mu.Unlock()
	return State{Unconfirmed: len(p.held)}
}
