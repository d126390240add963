package budget

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// ErrGone is returned by Wait if the connection has ended.
var ErrGone = errors.New("the connection has ended")

// Patience is how long memory must have been waited for, and a stranger's unfinished message must have held its own,
// before the latter is dropped in favour of the former. Those that are no strangers have knownPatience.
const (
	Patience      = time.Second
	knownPatience = 10 * Patience
)

// tick is how often one that waits looks whether it may drop another one, and lookAfter of these are how often it looks
// whether its connection has ended.
const (
	tick      = Patience / 10
	lookAfter = 10
)

// Input is the part for what is being received. A message that does not fit into a connection's smallest buffer must
// wait for memory if there is none, and thus holds back its sender.
//
// Two things can use the memory up. Whole messages, whose receiver does not take them: then all wait, and nobody is
// to blame. Or unfinished messages. One of them at a time may use the reserve and thus becomes whole, even if all wait
// for each other. Those that do not go on although they have memory are dropped, the one first that has held it for
// longest, strangers' before others. A stranger is a peer that has never sent a whole message. All strangers together
// get half of the memory, and theirs are dropped at last even if they wait for more of it.
type Input struct {
	Share
	reserve int64
	waiting atomic.Int32
	eaters  atomic.Int32  // connections that want more than their smallest buffer
	taken   atomic.Uint64 // how often a receiver has released whole messages

	mu         sync.Mutex
	unfinished map[*Message]bool
	first      *Message      // may use the reserve; nil: none
	known      int           // messages that wait and are no strangers'
	held       int           // bytes of the unfinished messages
	strange    int           // of these, strangers'
	dropped    int           // of these, those that are dropped and have not ended yet
	freed      chan struct{} // closed when memory comes back while somebody waits
}

// Message is the unfinished message of one connection. Its owner sets the fields before the first Wait.
type Message struct {
	Drop func(reason error)   // ends the connection, without blocking
	Gone func() bool          // reports whether the other side has ended it; called once a second in Wait
	Quit <-chan struct{}      // closed when this side has ended it
	Slow func(bytes, all int) // is told that so many bytes are waited for, which all other messages hold; optional

	known    bool // the peer is no stranger
	bytes    int
	stranger bool // bytes are part of Input.strange
	dropped  bool
	waiting  bool
	since    time.Time // when the bytes were taken
}

// Reserve keeps n bytes of the memory, which one message needs at most, or more if it is called again. It is called
// before any memory is taken.
func (in *Input) Reserve(n int) {
	more := max(0, min(int64(n)-in.reserve, in.limit))
	in.reserve += more
	in.limit -= more
}

// Know notes that the message's peer has sent a whole message. Only the goroutine that calls Wait may call it.
func (m *Message) Know() { m.known = true }

// Eat notes that n more connections, or fewer, want larger buffers than their smallest.
func (in *Input) Eat(n int) { in.eaters.Add(int32(n)) }

// Portion returns how many bytes each of the connections that want larger buffers may take, so that all can. The rest,
// an eighth, is for messages that must become whole, and for what is handed on and not released yet.
func (in *Input) Portion() int { return in.Limit() / 8 * 7 / max(1, int(in.eaters.Load())) }

// Give gives n bytes back, and wakes those that wait for memory.
func (in *Input) Give(n int) {
	in.Share.Give(n)
	if in.waiting.Load() > 0 {
		in.mu.Lock()
		in.wake()
		in.mu.Unlock()
	}
}

// wake wakes those that wait. The caller holds mu.
func (in *Input) wake() {
	close(in.freed)
	in.freed = make(chan struct{})
}

// Taken notes that a receiver has released whole messages.
func (in *Input) Taken() { in.taken.Add(1) }

// Wait takes n bytes for an unfinished message, in which its owner moves what it has of it. It blocks while there is
// no memory. What the message held before, the owner gives back at once: it does not stand in the way.
func (in *Input) Wait(m *Message, n int) error {
	if in.Try(m, n) {
		return nil
	}
	in.waits(m, true)
	defer in.waits(m, false)
	began, taken := time.Now(), in.taken.Load()
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for ticks, told := 0, false; ; {
		in.mu.Lock()
		freed := in.freed
		in.mu.Unlock()
		if in.Try(m, n) {
			return nil
		}
		select {
		case <-freed:
		case <-m.Quit:
			in.yield(m)
			return ErrGone
		case <-ticker.C:
			if ticks++; ticks%lookAfter == 0 && m.Gone() {
				in.yield(m)
				return ErrGone
			}
			if in.lead(m); time.Since(began) < Patience {
				continue
			}
			if !told && m.Slow != nil {
				m.Slow(n, in.Limit())
				told = true
			}
			in.relieve(m, n, in.taken.Load() != taken)
		}
	}
}

// waits notes that m waits, or no longer.
func (in *Input) waits(m *Message, waits bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	n := 1
	if m.waiting = waits; !waits {
		n = -1
	}
	in.waiting.Add(int32(n))
	if m.known {
		in.known += n
	}
}

// lead lets m use the reserve if nobody does. Strangers come last.
func (in *Input) lead(m *Message) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.first == nil && (m.known || in.known == 0) {
		in.first = m
		in.wake()
	}
}

// Leads reports whether m may use the reserve, until Finish. Its owner then reads nothing of the next message into the
// memory of this one: otherwise the reserve would not come back with it.
func (in *Input) Leads(m *Message) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.first == m
}

// yield ends lead.
func (in *Input) yield(m *Message) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.first == m {
		in.first = nil
	}
}

// Try is Wait that does not wait. It returns false if m cannot have the bytes now.
func (in *Input) Try(m *Message, n int) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	leaving := m.bytes
	if in.first == m {
		leaving += int(in.reserve)
	}
	switch {
	case n <= m.bytes: // then it gives back more than it takes
		in.Overdraw(n)
	case in.crowded(m, n), !in.take(n, leaving):
		return false
	}
	in.hold(m, n)
	return true
}

// Hold notes that n bytes, which are taken already, are held by an unfinished message from now on.
func (in *Input) Hold(m *Message, n int) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.hold(m, n)
}

// hold is Hold with mu held by the caller.
func (in *Input) hold(m *Message, n int) {
	in.forget(m)
	m.bytes, m.stranger, m.since = n, !m.known, time.Now()
	in.unfinished[m] = true
	in.held += n
	if m.stranger {
		in.strange += n
	}
}

// crowded reports whether m is a stranger's and all strangers' memory is used up. One message always fits.
func (in *Input) crowded(m *Message, n int) bool {
	others, room := in.strange, int(in.limit/2)
	if m.stranger {
		others -= m.bytes
	}
	if in.first == m {
		room += int(in.reserve)
	}
	return !m.known && others > 0 && others+n > room
}

// Finish notes that the message is whole, or that its connection has ended. Its bytes are its owner's to give back.
func (in *Input) Finish(m *Message) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.first == m {
		in.first = nil
	}
	if in.forget(m); in.waiting.Load() > 0 {
		in.wake() // a stranger may have its part now
	}
}

// forget takes m out of the unfinished messages. The caller holds mu.
func (in *Input) forget(m *Message) {
	if !in.unfinished[m] {
		return
	}
	delete(in.unfinished, m)
	in.held -= m.bytes
	if m.stranger {
		in.strange -= m.bytes
	}
	if m.dropped {
		in.dropped -= m.bytes
	}
	m.bytes, m.stranger, m.dropped = 0, false, false
}

// relieve drops an unfinished message so that m gets n bytes, unless that would not help. taken reports whether a
// receiver has taken whole messages while m has waited.
func (in *Input) relieve(m *Message, n int, taken bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	stalled := !taken && in.Used() > in.held // the whole messages' receiver takes none of them
	if in.dropped >= n || (stalled && !in.crowded(m, n)) {
		return
	}
	victim := in.oldest(m)
	if victim == nil || (stalled && !victim.stranger) {
		return
	}
	victim.dropped = true
	in.dropped += victim.bytes
	victim.Drop(fmt.Errorf("its unfinished message has held %d bytes for %v while others wait for memory, "+
		"of which there are %d bytes for all that is received (raise --max-memory if that is legitimate)",
		victim.bytes, time.Since(victim.since).Round(100*time.Millisecond), in.limit))
}

// oldest returns the unfinished message to be dropped for m, or nil if there is none.
func (in *Input) oldest(m *Message) (victim *Message) {
	for other := range in.unfinished {
		held := time.Since(other.since)
		switch {
		case other == m, other.dropped, held < Patience:
		case other.waiting && (!other.stranger || held < knownPatience):
		case !other.stranger && (!m.known || held < knownPatience):
		case victim == nil, other.worse(victim):
			victim = other
		}
	}
	return victim
}

// worse reports whether m is to be dropped rather than other: a stranger's message first, one first that does not go on
// although it has memory, and the one first that has held it for longest.
func (m *Message) worse(other *Message) bool {
	switch {
	case m.stranger != other.stranger:
		return m.stranger
	case m.waiting != other.waiting:
		return !m.waiting
	}
	return m.since.Before(other.since)
}
