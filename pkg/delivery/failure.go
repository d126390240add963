package delivery

import "bytes"

// What becomes of an owed message when rsyslog was told of a failure.
//
// With no other transaction open, rsyslog sends every line in the account again. With others open, nothing says
// whose transaction has failed. Then no line is taken for a repeat: a line taken for a repeat wrongly would be
// lost, one taken for a new line wrongly is stored twice.
//
//	the message                    no other transaction open           others open
//	pending, in flight, confirmed  a repeat is awaited                 stays
//	refused                        a repeat is awaited, given back     sent once more
//	refused and given back before  a repeat is awaited, given back     stays
//	an orphan                      stays                               stays
type afterFailure uint8

const (
	stays afterFailure = iota
	awaitsRepeat
	sentOnceMore
)

func (e *entry) afterFailure(alone bool) afterFailure {
	switch {
	case e.orphan:
		return stays
	case alone:
		return awaitsRepeat
	case e.state == refused && !e.givenBack:
		return sentOnceMore
	}
	return stays
}

// Failed is called when rsyslog has been told of a failure. alone: no other transaction is open.
func (s *Sender) Failed(alone bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counters.Failed++
	s.fresh = false
	if s.refused == 0 {
		s.timedOut()
	}
	s.owed.each(func(e *entry) {
		switch e.afterFailure(alone) {
		case awaitsRepeat:
			s.repeats.add(e)
			e.ref.Wait()
			s.used(e.ref, len(e.line))
			e.givenBack = e.state == refused
		case sentOnceMore:
			s.requeue(e)
		}
	})
	s.refused, s.reason = 0, ""
	if alone {
		s.repeats.failed()
	}
	s.route()
}

// BeginFailed is called when rsyslog has been told that a transaction cannot begin. If an earlier process has died
// in the middle of one, that is the second failure in a row. Then rsyslog since 8.2508 (doTransaction in action.c)
// sends all of the broken transaction again, each line in a transaction of its own. Earlier releases go on where it
// broke.
func (s *Sender) BeginFailed() {
	if s.cfg.Journal == nil || !s.cfg.Journal.BrokenAgain() || s.shared || s.cfg.Splits == nil || !s.cfg.Splits() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.owed.each(func(e *entry) {
		if e.afterFailure(true) == awaitsRepeat {
			s.repeats.add(e)
			e.ref.Wait()
			s.used(e.ref, len(e.line))
		}
	})
}

// timedOut gives up waiting: what is held for receivers that are away goes to others, and connections that owe
// answers are overdue. The caller holds mu.
func (s *Sender) timedOut() {
	for _, c := range s.connections {
		c.overdue = c.owes()
	}
	for endpoint := range s.held {
		s.release(endpoint)
	}
}

// again takes a repeat back into the account.
//
//	the message                          what happens
//	refused                              it is sent again
//	refused in an account now closed     it is revived and sent again
//	in flight on an overdue connection   the connection is ended: see expect
//	anything else                        nothing: it is on its way, or confirmed
func (s *Sender) again(repeat *record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cfg.Journal != nil {
		s.cfg.Journal.Take(repeat.ref)
		s.used(repeat.ref, len(repeat.line))
	}
	e := s.owed.find(repeat.seq)
	if e == nil && repeat.refused {
		e = &entry{seq: repeat.seq, line: bytes.Clone(repeat.line), ref: repeat.ref, state: refused, givenBack: true, sent: true}
		s.owed.revive(e)
	}
	switch {
	case e == nil:
	case e.state == refused:
		if !e.givenBack {
			s.refused--
		}
		e.givenBack, repeat.refused = false, false
		s.requeue(e)
	case e.state == inFlight:
		s.expect(e.conn)
	}
}

// expect ends a connection whose receiver has not answered since before a failure, and of which a message has now
// come again. What it owes is then sent on another connection. Sent twice on one, nothing would tell which of the
// two an acknowledgement is for, and thus how many messages it acknowledges. A receiver that does not answer, and
// knows no numbers, is left alone while there is no other: it would only get everything twice. The caller holds mu.
func (s *Sender) expect(c *connection) {
	if c.overdue && (s.cfg.Confirm == Stored || len(s.connections) > 1) {
		c.overdue = false
		c.link.Drop(errOverdue)
	}
}

// lose gives up a refused message: rsyslog reads no replies, and nobody can send it again. The caller holds mu.
func (s *Sender) lose(e *entry, reason string) {
	e.state = confirmed // it is no longer owed
	e.ref.Confirm()
	s.counters.Lost++
	if s.cfg.Lost != nil {
		s.cfg.Lost(reason)
	}
}

// requeue makes a refused message pending again. The caller holds mu, and routes.
func (s *Sender) requeue(e *entry) {
	e.state = pending
	s.unconfirmed++
	s.pending = append(s.pending, e)
}
