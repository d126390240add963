package delivery

import "github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"

// What a Sender does with its journal. Without one all of this does nothing.

// Restore owes what an earlier process has left in the journal. What it had given to one of these endpoints is held for
// that. It is called before anything else.
func (s *Sender) Restore(records []journal.Record, endpoints ...string) {
	routes := make(map[uint32]string)
	s.held = make(map[string][]*entry)
	for _, endpoint := range endpoints {
		routes[numberOf(endpoint)] = endpoint
	}
	for _, r := range records {
		e := s.arena.entry()
		*e = entry{seq: r.Seq, line: r.Line, ref: r.Ref, sent: true, orphan: !r.Again && !r.Batch}
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
		s.window.revive(e)
		if r.Again {
			s.repeats.add(e)
		}
	}
}

// keep copies a line to the journal, or to memory.
func (s *Sender) keep(e *entry, line []byte) bool {
	if s.cfg.Journal == nil {
		e.line = s.arena.copy(line)
		return true
	}
	var err error
	e.line, e.ref, err = s.cfg.Journal.Append(e.seq, line)
	if full := err != nil; full != s.full {
		s.full = full
		if full {
			s.cfg.Logger.Error("the journal has no room: until it has, a message is answered only when it is confirmed, which is slow", "reason", err)
		} else {
			s.cfg.Logger.Info("the journal has room again")
		}
	}
	if err != nil {
		e.line = s.arena.copy(line)
	}
	return err == nil
}

// Opened tells that a transaction has begun, and how many are open now.
func (s *Sender) Opened(open int) {
	if s.cfg.Journal != nil {
		s.cfg.Journal.Opened(open)
	}
}

// Closing tells that rsyslog has asked to commit, and how many transactions are open besides.
func (s *Sender) Closing(open int) {
	if s.cfg.Journal != nil {
		s.cfg.Journal.Closing(open)
	}
}

// Unkept is the number of messages accepted that are owed and would die with the process.
func (s *Sender) Unkept() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	count := func(e *entry) {
		if e.state != confirmed && !e.givenBack && !e.ref.Kept() {
			n++
		}
	}
	for _, e := range s.staged {
		count(e)
	}
	s.window.each(count)
	return n
}

// setAside keeps an orphan that was refused out of the way of all others: there is nobody to give it back to. The caller
// holds mu.
func (s *Sender) setAside(e *entry, reason string) {
	own := *e // the arena's memory ends with the account's next commit
	s.window.revive(&own)
	s.aside = append(s.aside, &own)
	if !own.told {
		own.told = true
		s.cfg.Logger.Warn("a message that a dead omzmq has left was refused; it stays in the journal and is tried again", "reason", reason)
	}
}

// Retry sends the messages again that a dead process had left and a receiver has refused, and returns how many there are.
func (s *Sender) Retry() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.aside)
	for _, e := range s.aside {
		e.state = pending
		s.unconfirmed++
	}
	s.pending = append(s.pending, s.aside...)
	s.aside = nil
	s.route()
	return n
}

// left are the orphans that were refused: those set aside, and those on their way again, for Retry comes at any time, also
// between Outcome and Committed. The caller holds mu.
func (s *Sender) left() (left []*entry) {
	for _, e := range s.window.revived {
		if e.orphan && e.state != confirmed {
			left = append(left, e)
		}
	}
	return left
}

// emptyJournal keeps of an account that is empty only the lines that rsyslog will send again, and those set aside, which are
// the oldest. The caller holds mu.
func (s *Sender) emptyJournal(left []*entry) {
	if s.cfg.Journal == nil {
		return
	}
	if len(s.repeats.bySeq) == 0 {
		kept := make([]journal.Ref, 0, len(left))
		for _, e := range left {
			kept = append(kept, e.ref)
		}
		s.cfg.Journal.Reset(s.next, kept...)
		return
	}
	s.window.each(func(e *entry) {
		if s.repeats.bySeq[e.seq] == nil {
			e.ref.Settle()
		}
	})
}
