package delivery

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"
)

// What a Sender holds for streams at most. A batch that has begun is accepted whole.
const (
	// maxStreamed and maxStreamedLines bound what is accepted before the account must be empty once, so that its memory
	// and its journal begin again. Emptying costs the time from the receiver and back, some milliseconds at most, in
	// which nothing is accepted: of 80,000 lines of 200 bytes, less than a hundredth.
	maxStreamed      = 16 << 20 // bytes
	maxStreamedLines = 1 << 16
	// maxTurned is how many refused lines are held. Beyond that nothing more is accepted: rsyslog's queue holds the
	// rest.
	maxTurned = 128
)

// Streams is the conversation of a Sender whose lines come over connections and are answered one by one, in order:
// RELP. It takes the place of the one goroutine that a Sender's conversation otherwise has. Its methods, and those of
// its Streams, may be called from any goroutine.
//
// A refused line is answered with the reason. rsyslog then throws it away, so the Sender keeps it, sends it again at
// intervals, and leaves it in the journal at the end.
type Streams struct {
	mu     sync.Mutex // locked before the Sender's
	sender *Sender
	open   map[*Stream]struct{}
	cuts   []*cut
	lines  int // accepted since the account was last empty
	now    func() int64
}

// NewStreams makes the conversation of a sender whose configuration has Streams set. Restore comes before it. now is a
// clock that counts seconds.
func NewStreams(sender *Sender, now func() int64) *Streams {
	s := &Streams{sender: sender, open: make(map[*Stream]struct{}), now: now, lines: len(sender.owed.revived)}
	if len(sender.restored) > 0 {
		c := newCut(nil, sender.restored, 0, s.now())
		c.mixed = true
		s.cuts, sender.restored = append(s.cuts, c), nil
	}
	return s
}

// Stream is the account of one connection.
type Stream struct {
	all      *Streams
	lines    []*entry // accepted since the account was last empty
	answered int      // how many of them are answered
	kept     []key    // of the last lines that were answered before that
	refused  bool     // the last answer was a refusal: the connection ends, and nothing more is answered
	resumed  resumption
}

// Open begins the account of a connection. Its first lines may be those that an earlier connection had brought.
func (s *Streams) Open() *Stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := &Stream{all: s, resumed: resumption{searching: len(s.cuts) > 0}}
	s.open[st] = struct{}{}
	return st
}

// Accept owes lines from now on, and hands them to the connections. The lines are copied. One that comes again keeps
// its number: see cut.
func (st *Stream) Accept(lines [][]byte) {
	s := st.all
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.sender.clock()
	s.sender.cfg.Sizes.Observe(uint64(len(lines)), 1)
	for _, line := range lines {
		e := s.resume(st, line)
		if e == nil {
			e, _ = s.sender.stage(line, at)
		}
		st.lines = append(st.lines, e)
	}
	s.lines += len(lines)
	s.sender.Submit()
}

// Settled returns how many lines, the next ones in order, are confirmed and not answered yet, and whether the one after
// them is refused, and why. From now on they count as answered. After a refusal nothing more is: the other side throws
// away the answers that it has not read yet.
func (st *Stream) Settled() (confirmed int, refused bool, reason string) {
	s := st.all
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sender.mu.Lock()
	defer s.sender.mu.Unlock()
	return st.settled()
}

func (st *Stream) settled() (n int, turned bool, reason string) {
	for st.answered < len(st.lines) && !st.refused {
		e := st.lines[st.answered]
		if e.state != confirmed && e.state != refused {
			break
		}
		e.ref.Settle() // before the answer: a process that dies between the two has a line stored twice, not lost
		st.answered++
		if e.state == refused {
			st.refused, reason = true, e.reason(st.all.sender)
			break
		}
		n++
	}
	return n, st.refused && reason != "", reason
}

// End ends the account of a connection. again: it was cut, so that what is not answered comes again.
func (st *Stream) End(again bool) {
	s := st.all
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, st)
	if again {
		s.cut(st)
		return
	}
	for _, e := range st.lines[st.answered:] {
		e.ref.Settle()
	}
}

// Ready returns nil when an account, which is the sender's or an extension of it, can accept lines. Otherwise it
// returns what is waited for.
func (s *Streams) Ready(account interface{ Ready() error }) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return account.Ready()
}

// TimedOut gives up waiting for receivers that are away, or do not answer: what they owe goes to others when it comes
// again.
func (s *Streams) TimedOut() {
	s.sender.mu.Lock()
	defer s.sender.mu.Unlock()
	s.sender.counters.Failed++
	s.sender.timedOut()
	s.sender.route()
}

// Reclaim empties the account, if everything in it is settled and answered.
func (s *Streams) Reclaim() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sender.mu.Lock()
	defer s.sender.mu.Unlock()
	if s.lines == 0 || s.sender.unconfirmed > 0 {
		return
	}
	for st := range s.open {
		if st.answered < len(st.lines) {
			return
		}
	}
	s.expire()
	var refs []journal.Ref
	for _, c := range s.cuts {
		if c.detach(); c.last.Journaled() {
			refs = append(refs, c.last)
		}
	}
	for st := range s.open {
		st.keep()
	}
	s.lines = 0
	s.sender.emptied(refs)
}

// turn takes note that a line of a stream is refused. The caller holds mu.
func (s *Sender) turn(e *entry, reason string) {
	if s.reasons == nil {
		s.reasons = make(map[uint64]string)
	}
	if reason == "" {
		reason = "the receiver gave no reason"
	}
	s.reasons[e.seq] = reason
	s.turned = append(s.turned, e)
}

// retake sends a refused line again, because it comes again: the refusal was not answered, or the answer was not read.
// It returns the entry that is owed now. Without this, each line of a window that was refused for a moment would cost
// rsyslog a suspension of its action. The caller holds mu.
func (s *Sender) retake(e *entry) *entry {
	owed := s.owed.find(e.seq)
	if owed == nil { // it was sent again and confirmed, and the account was emptied since
		return &entry{seq: e.seq, line: e.line, state: confirmed, sent: true}
	}
	if owed.state != refused {
		return owed
	}
	is := func(other *entry) bool { return other == owed }
	s.turned, s.parked = slices.DeleteFunc(s.turned, is), slices.DeleteFunc(s.parked, is)
	delete(s.reasons, owed.seq)
	owed.orphan = false
	if s.cfg.Journal != nil {
		s.cfg.Journal.Take(owed.ref)
	}
	s.requeue(owed)
	s.route()
	return owed
}

// Refused returns how many lines were refused and wait for Retry, which is to be called at intervals.
func (s *Streams) Refused() int {
	s.sender.mu.Lock()
	defer s.sender.mu.Unlock()
	return len(s.sender.turned) + len(s.sender.parked)
}

// Retry sends again what was refused, except for what is refused since the account was last empty.
func (s *Streams) Retry() { s.sender.Retry() }

// reason returns why an entry is refused. The caller holds the sender's mu.
func (e *entry) reason(s *Sender) string {
	if reason := s.reasons[e.seq]; reason != "" {
		return reason
	}
	return "a receiver refused the message"
}

// emptied empties the account of streams. Of the journal it leaves everything up to the last of refs, and what was
// refused, which is parked from now on. The caller holds mu.
func (s *Sender) emptied(refs []journal.Ref) {
	orphans := s.refusedOrphans()
	for _, e := range s.turned {
		own := &entry{seq: e.seq, line: e.line, ref: e.ref, state: refused, sent: true, orphan: true, logged: true}
		if !own.ref.Journaled() {
			own.line = bytes.Clone(own.line)
		}
		s.parked = append(s.parked, own)
		orphans = append(orphans, own)
	}
	s.turned, s.reasons = nil, nil
	if s.cfg.Journal != nil {
		for _, e := range orphans {
			if e.ref.Journaled() {
				refs = append(refs, e.ref)
			}
		}
		s.cfg.Journal.Reset(s.next, refs...)
	}
	s.owed.reset(s.next)
	for _, e := range orphans {
		s.owed.revive(e)
	}
	s.bytes = 0
	s.arena.reset(false)
}

var errFull = errors.New("as much as is held at a time is not confirmed yet")

// readyForStreams returns nil when lines can be accepted. The caller holds mu.
func (s *Sender) readyForStreams() error {
	switch n := len(s.turned) + len(s.parked); {
	case n > maxTurned:
		return fmt.Errorf("%d messages that a receiver refused wait to be sent again", n)
	case s.bytes > maxStreamed || len(s.owed.entries) > maxStreamedLines:
		return errFull
	}
	return nil
}
