package delivery

import (
	"bytes"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal/journaltest"
)

// inherit is a sender that goes on with a journal in which these lines are orphans.
func inherit(t *testing.T, m *journaltest.Memory, links []*fakeLink, lines ...string) *Sender {
	t.Helper()
	dead := journal.New(m, nil)
	for i, line := range lines {
		if _, ref, err := dead.Append(uint64(i+1), []byte(line)); err != nil {
			t.Fatal(err)
		} else {
			ref.Route(numberOf(links[0].leads))
		}
	}
	log := journal.New(m, nil)
	records, err := log.Recover(journal.Successor{})
	if err != nil {
		t.Fatal(err)
	}
	var endpoints []string
	for _, l := range links {
		endpoints = append(endpoints, l.leads)
	}
	s := NewSender(SenderConfig{Journal: log, Logger: quiet}, &fakeTransport{links: links})
	s.Restore(records, endpoints...)
	return s
}

// A receiver refuses an orphan. rsyslog's own lines are confirmed all the same, and only the orphan stays in the
// journal.
func TestRefusedOrphanBlocksNobody(t *testing.T) {
	m, l := journaltest.New(NewSenderID()), &fakeLink{room: 1000}
	s := inherit(t, m, []*fakeLink{l}, "taken", "refused", "taken, too")
	s.Up(l)
	s.Answer(l, Answer{Seq: 1})
	s.Answer(l, Answer{Seq: 2, Refused: true, Reason: "never"})
	s.Answer(l, Answer{Seq: 3})
	seq := uint64(3)
	for round := range 20 {
		s.Opened(1)
		for range round {
			seq++
			s.Accept(fmt.Appendf(nil, "innocent %d", seq))
		}
		s.Submit()
		s.Closing(0)
		if round > 0 {
			s.Answer(l, Answer{Seq: seq})
		}
		expectOutcome(t, s, true, "")
		s.Committed()
		if got := m.Owed(t); s.Unconfirmed() != 1 || s.Unjournaled() != 0 || !slices.Equal(got, []string{"refused"}) {
			t.Fatalf("round %d: %d unconfirmed, the journal owes %q", round, s.Unconfirmed(), got)
		}
		if round == 10 {
			if n := s.Retry(); n != 1 || l.got[len(l.got)-1] != "2 refused" {
				t.Fatalf("Retry: %d, last sent %q", n, l.got[len(l.got)-1])
			}
			s.Answer(l, Answer{Seq: 2, Refused: true, Reason: "never"})
		}
	}
	if n := len(m.Extents()); n > 20 {
		t.Errorf("the journal has grown to %d extents", n)
	}
	s.Retry()
	s.Answer(l, Answer{Seq: 2})
	s.Committed()
	if got := m.Owed(t); s.Unconfirmed() != 0 || len(got) > 0 {
		t.Errorf("in the end %d unconfirmed, the journal owes %q", s.Unconfirmed(), got)
	}
}

// A receiver that refuses many orphans does not fill the log.
func TestRefusedOrphansAreLoggedOnce(t *testing.T) {
	var lines []string
	for n := range 100 {
		lines = append(lines, fmt.Sprint("orphan ", n))
	}
	m, l := journaltest.New(NewSenderID()), &fakeLink{room: 1000}
	s := inherit(t, m, []*fakeLink{l}, lines...)
	var log bytes.Buffer
	s.cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
	s.Up(l)
	for range 3 {
		for i := range lines {
			s.Answer(l, Answer{Seq: uint64(i + 1), Refused: true, Reason: "never"})
		}
		if n := s.Retry(); n != len(lines) {
			t.Fatalf("%d orphans are sent again", n)
		}
	}
	if n := strings.Count(log.String(), "an earlier omzmq has left"); n != 1 {
		t.Errorf("%d lines for %d refused orphans", n, len(lines))
	}
}

// The timer that retries orphans fires while the OK to a COMMIT is being written. Neither the orphan nor the lines
// that come after it may end up in the other's place.
func TestRetryAtCommit(t *testing.T) {
	m, l := journaltest.New(NewSenderID()), &fakeLink{room: 1000}
	s := inherit(t, m, []*fakeLink{l}, "refused")
	s.Up(l)
	s.Answer(l, Answer{Seq: 1, Refused: true, Reason: "never"})
	transaction(s, "a line of the first transaction")
	s.Answer(l, Answer{Seq: 2})
	expectOutcome(t, s, true, "")
	s.Retry()
	s.Committed()
	transaction(s, "a line of the second")
	if got := m.Owed(t); !slices.Equal(got, []string{"refused", "a line of the second"}) {
		t.Errorf("the journal owes %q", got)
	}
	l.got = nil
	s.Down(l)
	s.Up(l)
	expectGot(t, l, "1 refused", "3 a line of the second")
	s.Answer(l, Answer{Seq: 3})
	if got := m.Owed(t); s.Unconfirmed() != 0 || len(got) > 0 {
		t.Errorf("in the end %d unconfirmed, the journal owes %q", s.Unconfirmed(), got)
	}
}

// What a receiver may have stored is held for it while it may come back, even when another receiver refuses
// something. When the time has run out, it goes to another.
func TestRefusalGivesUpNobody(t *testing.T) {
	away, here := &fakeLink{room: 10, leads: "tcp://away"}, &fakeLink{room: 10, leads: "tcp://here"}
	s := inherit(t, journaltest.New(NewSenderID()), []*fakeLink{away, here}, "may be stored away")
	s.transport.(*fakeTransport).remove(away)
	s.Up(here)
	transaction(s, "refused")
	s.Answer(here, Answer{Seq: 2, Refused: true, Reason: "no"})
	s.Failed(true)
	expectGot(t, here, "2 refused")
	s.Failed(true)
	expectGot(t, here, "2 refused", "1 may be stored away")
}

// What a lost connection owed is held for its receiver, before what waits for it already, and goes to no other.
func TestHeldForTheReceiverThatMayHaveStoredIt(t *testing.T) {
	away, here := &fakeLink{room: 10, leads: "tcp://away"}, &fakeLink{leads: "tcp://here"}
	s, transport := newTestSender(Stored, away, here)
	transaction(s, "1", "2", "3")
	expectGot(t, away, "1 1", "2 2", "3 3")
	s.Answer(away, Answer{Seq: 1})
	transport.remove(away)
	s.Down(away)
	here.room = 10
	s.Progress(here)
	expectGot(t, here)
	back := &fakeLink{room: 1, leads: "tcp://away"} // has room for one
	s.Up(back)
	expectGot(t, back, "2 2")
	s.Down(back)
	again := &fakeLink{room: 10, leads: "tcp://away"}
	s.Up(again)
	expectGot(t, again, "2 2", "3 3")
	expectGot(t, here)
}

// A receiver that is not likely to be back gives up what is held for it: it goes to others, before newer messages.
func TestUnreachable(t *testing.T) {
	away, here := &fakeLink{room: 10, leads: "tcp://away"}, &fakeLink{leads: "tcp://here"}
	s, transport := newTestSender(Stored, away, here)
	transaction(s, "1", "2")
	transport.remove(away)
	s.Down(away)
	transaction(s, "3")
	s.Unreachable("tcp://elsewhere")
	here.room = 1
	s.Progress(here)
	expectGot(t, here, "3 3")
	transaction(s, "4")
	here.room = 10
	s.Unreachable("tcp://away")
	expectGot(t, here, "3 3", "1 1", "2 2", "4 4")
	back := &fakeLink{room: 10, leads: "tcp://away"}
	s.Up(back)
	expectGot(t, back)
}

// fates is what a process learns that goes on with the journal now, started by the same worker after its pause.
func fates(t *testing.T, m *journaltest.Memory) map[string]journal.Fate {
	t.Helper()
	fates := make(map[string]journal.Fate)
	for _, r := range m.Recover(t, journal.Successor{Same: true, Started: int64(time.Hour)}) {
		fates[string(r.Line)] = r.Fate
	}
	return fates
}

// The journal knows what the ledger does: a failed commit, the lines that have come again, and those that are settled.
func TestJournalFollowsTheLedger(t *testing.T) {
	const orphan, again, ifFails = journal.Orphan, journal.Again, journal.AgainIfCommitFails
	m, l := journaltest.New(NewSenderID()), &fakeLink{room: 100}
	s := inherit(t, m, []*fakeLink{l})
	s.Up(l)
	s.Pipes(journal.PipesOpen)
	expect := func(when string, want map[string]journal.Fate) {
		t.Helper()
		if got := fates(t, m); !maps.Equal(got, want) {
			t.Errorf("%s: %v, want %v", when, got, want)
		}
	}
	accept := func(lines ...string) {
		s.Opened(1)
		for _, line := range lines {
			s.Accept([]byte(line))
			s.Answering(journal.Deferred)
		}
		s.Submit()
	}
	accept("a", "b", "c")
	expect("in mid-transaction", map[string]journal.Fate{"a": ifFails, "b": ifFails, "c": ifFails})
	s.Closing(0)
	expect("at COMMIT", map[string]journal.Fate{"a": again, "b": again, "c": again})
	s.Failed(true)
	expect("after the failure", map[string]journal.Fate{"a": again, "b": again, "c": again})
	commit := func() {
		t.Helper()
		s.Closing(0)
		s.Answer(l, Answer{Seq: s.next - 1})
		expectOutcome(t, s, true, "")
		s.Answering(journal.Committed)
		s.Committed()
	}
	accept("b", "new")
	expect("one line has come again", map[string]journal.Fate{"a": again, "b": ifFails, "c": again, "new": ifFails})
	commit()
	expect("committed", map[string]journal.Fate{"a": again, "c": again})
	accept("a")
	expect("another has come again", map[string]journal.Fate{"a": ifFails, "c": again})
	commit()
	accept("d")
	expect("and a new one is accepted", map[string]journal.Fate{"c": again, "d": ifFails})
	s.Opened(2)
	expect("among several workers", map[string]journal.Fate{"c": again, "d": orphan})
	s.Pipes(journal.PipesUnread)
	expect("nobody reads replies", map[string]journal.Fate{"d": orphan})
}
