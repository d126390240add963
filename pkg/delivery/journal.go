package delivery

import (
	"bytes"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"
)

// What a Sender does with its journal, which nothing else writes to. Without a journal all of this does nothing.

// Restore owes what an earlier process has left in the journal. What that process had given to one of the endpoints
// is held for it. Restore is called before anything else.
func (s *Sender) Restore(records []journal.Record, endpoints ...string) {
	routes := make(map[uint32]string)
	s.held = make(map[string][]*entry)
	for _, endpoint := range endpoints {
		routes[numberOf(endpoint)] = endpoint
	}
	for _, r := range records {
		e := s.arena.entry()
		*e = entry{seq: r.Seq, line: r.Line, ref: r.Ref, sent: true, orphan: r.Fate == journal.Orphan}
		endpoint := routes[r.Route]
		switch {
		case r.Confirmed:
			e.state = confirmed
		case endpoint != "" && s.cfg.Confirm == Stored:
			s.held[endpoint] = append(s.held[endpoint], e)
		default:
			s.pending = append(s.pending, e)
		}
		if !r.Confirmed {
			s.unconfirmed++
			s.counters.Received++
		}
		s.owed.revive(e)
		s.used(e.ref, len(e.line))
		switch {
		case r.Fate != journal.Again:
		case s.cfg.Streams:
			s.restored = append(s.restored, e)
		default:
			s.repeats.add(e)
		}
	}
}

// noRoom is why the journal had no room for a line, and when the first of such lines came.
type noRoom struct {
	why   error
	since int64 // by the clock
}

// copyLine copies a line to the journal. Without one, or without room in it, the copy is in memory alone. It
// reports whether the line is as safe as it should be: journaled, or there is no journal.
func (s *Sender) copyLine(e *entry, line []byte) (safe bool) {
	if s.cfg.Journal == nil {
		e.line = s.arena.copy(line)
		return true
	}
	var err error
	e.line, e.ref, err = s.cfg.Journal.Append(e.seq, line)
	switch full := s.full.Load(); {
	case err != nil && full == nil:
		s.full.Store(&noRoom{err, s.clock()})
		s.cfg.Logger.Error("the journal has no room: until it has, a message is answered only when it is confirmed, which is slow",
			"reason", err)
	case err == nil && full != nil:
		s.full.Store(nil)
		s.cfg.Logger.Info("the journal has room again")
	}
	if err != nil {
		e.line = s.arena.copy(line)
	}
	return err == nil
}

// used accounts for n bytes of a record that were written or read: see journal.Log.Used. A large batch thus takes
// little more memory than what its receivers have been given and not taken. What comes over streams is bounded
// otherwise, and its part of the journal is used again and again: see maxStreamed.
func (s *Sender) used(ref journal.Ref, n int) {
	if ref.Journaled() && !s.cfg.Streams {
		s.cfg.Journal.Used(n)
	}
}

// Opened is called after a BEGIN, with the number of transactions that are open now.
func (s *Sender) Opened(open int) {
	s.shared = s.shared || open > 1
	if s.cfg.Journal != nil {
		s.cfg.Journal.Opened(open)
	}
}

// Closing is called after a COMMIT was read, with the number of other transactions that are open.
func (s *Sender) Closing(open int) {
	if s.cfg.Journal != nil {
		s.cfg.Journal.Closing(open)
	}
}

// Answering is called just before a reply about accepted lines is written, and with journal.NoReply when that failed.
func (s *Sender) Answering(reply journal.Reply) {
	if s.cfg.Journal != nil {
		s.cfg.Journal.Answering(reply)
	}
}

// Pipes records the state of the pipes to rsyslog. Where it reads no replies, a message that is refused is lost.
func (s *Sender) Pipes(now journal.Pipes) {
	s.mu.Lock()
	s.unread = now == journal.PipesUnread
	s.mu.Unlock()
	if s.cfg.Journal != nil {
		s.cfg.Journal.Pipes(now)
	}
}

// Unjournaled is the number of owed messages that would die with the process.
func (s *Sender) Unjournaled() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	count := func(e *entry) {
		if e.state != confirmed && !e.givenBack && !e.ref.Journaled() {
			n++
		}
	}
	for rec := range s.repeats.refused() {
		if !rec.ref.Journaled() {
			n++
		}
	}
	for _, e := range s.staged {
		count(e)
	}
	s.owed.each(count)
	return n
}

// park lets an orphan that was refused wait for Retry, out of the way of all others: it can be given back to no
// rsyslog. The caller holds mu.
func (s *Sender) park(e *entry, reason string) {
	own := *e // the arena's memory ends with the account's next commit
	s.owed.revive(&own)
	s.parked = append(s.parked, &own)
	if !own.logged && len(s.parked) == 1 { // a line for all until they are tried again
		s.cfg.Logger.Warn("messages that an earlier omzmq has left are refused; they stay in the journal and are tried again", "reason", reason)
	}
	own.logged = true
}

// abandoned takes lines that rsyslog was given back and will not send again, as an OK for new lines has shown. It has
// its reasons for that. But the OK shows nothing where several workers share the pipe, whose line it may be, or where
// rsyslog sends the rest of a broken transaction, new lines, before what was refused: see BeginFailed. If rsyslogd is
// then stopped, it never sends that again. There the line is parked like an orphan: it may be stored twice, and is
// not lost. The caller holds mu.
func (s *Sender) abandoned(given []*record, parks bool) {
	if !parks || s.cfg.Journal == nil {
		return
	}
	for _, rec := range given {
		e := &entry{seq: rec.seq, line: bytes.Clone(rec.line), ref: rec.ref, state: refused, sent: true, orphan: true, logged: true}
		s.owed.revive(e)
		s.parked = append(s.parked, e)
	}
}

// Retry sends the parked orphans again, and returns how many there are.
func (s *Sender) Retry() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.parked)
	for _, e := range s.parked {
		s.requeue(e)
	}
	s.parked = nil
	s.route()
	return n
}

// refusedOrphans are the orphans that were refused: those that are parked, and those on their way again. Retry can
// be called at any time, also between Outcome and Committed. The caller holds mu.
func (s *Sender) refusedOrphans() (orphans []*entry) {
	for _, e := range s.owed.revived {
		if e.orphan && e.state != confirmed {
			orphans = append(orphans, e)
		}
	}
	return orphans
}

// emptyJournal leaves in the journal of an empty account only the lines that rsyslog will send again, and the
// refused orphans, which are the oldest. The caller holds mu.
func (s *Sender) emptyJournal(orphans []*entry) {
	if s.cfg.Journal == nil {
		return
	}
	if len(s.repeats.bySeq) == 0 {
		left := make([]journal.Ref, 0, len(orphans))
		for _, e := range orphans {
			left = append(left, e.ref)
		}
		s.cfg.Journal.Reset(s.next, left...)
		return
	}
	s.owed.each(func(e *entry) {
		if s.repeats.bySeq[e.seq] == nil {
			e.ref.Settle()
		}
	})
}
