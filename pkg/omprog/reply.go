package omprog

import (
	"strings"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

// How a Machine's replies come about, and what the ledger hears of them.

// Replying is called just before a whole reply is written.
func (m *Machine) Replying() {
	if m.about != journal.NoReply {
		m.ledger.Answering(m.about)
	}
}

// Replied is called after a whole reply was written, or could not be: a line that was to be accepted after it is, in
// any case.
func (m *Machine) Replied(written bool) {
	if m.isLate {
		m.accept(m.late)
		m.late, m.isLate = nil, false
	}
	about, failing, barring := m.about, m.failing, m.barring
	m.about, m.failing, m.barring = journal.NoReply, false, false
	switch {
	case !written && about != journal.NoReply:
		m.ledger.Answering(journal.NoReply)
	case barring: // written or not: rsyslog has closed the pipe because it has waited for long enough
		m.ledger.BeginFailed()
	case !written:
	case failing:
		m.ledger.Failed(m.open == 0)
	case about == journal.Confirmed || about == journal.Committed:
		m.ledger.Committed()
	}
}

func (m *Machine) succeed() string {
	was := m.wait
	m.wait = waitNone
	switch was {
	case waitLine:
		m.about = journal.Deferred
		return replyDefer
	case waitCommit:
		m.about, m.refusals = journal.Committed, 0
	case waitMessage:
		m.about, m.refusals = journal.Confirmed, 0
	}
	if was != waitBegin {
		m.tell("")
	}
	return replyOK
}

func (m *Machine) fail(text string) string {
	was := m.wait
	m.wait = waitNone
	switch was {
	case waitBegin:
		m.open = max(m.open-1, 0) // it has not begun; nothing of it was accepted
		m.ledger.Opened(m.open)
		m.barring = true
	case waitLine: // a failure in mid-transaction is for an end alone; COMMIT will report it
		m.about = journal.Deferred
		return replyDefer
	default:
		m.failing = true
	}
	m.tell(text)
	return failure(text)
}

// tell calls Config.Outcome.
func (m *Machine) tell(failure string) {
	lines := m.batch
	m.batch = 0
	if m.cfg.Outcome != nil {
		m.cfg.Outcome(Outcome{Lines: lines, Took: m.now.Sub(m.since), Failure: failure})
	}
}

// failure makes one line of a text, which may come from a peer. The line never reads as OK, and leaves room for the
// dots that came before it.
func failure(text string) string {
	clean := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
	return string(message.Cut([]byte("omzmq: "+clean), maxFailure)) + "\n"
}
