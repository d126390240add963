package omprog

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"
)

// fakeLedger records what it is told and answers as the test wishes.
type fakeLedger struct {
	calls   []string
	ready   error
	settled bool
	full    bool
	pipes   []journal.Pipes
	polls   int

	answering []journal.Reply
	err       error
}

func (l *fakeLedger) say(format string, args ...any) {
	l.calls = append(l.calls, fmt.Sprintf(format, args...))
}
func (l *fakeLedger) Accept(line []byte) (deferrable bool) {
	l.say("accept %s", line)
	return !l.full
}
func (l *fakeLedger) Opened(int)                         {}
func (l *fakeLedger) Closing(int)                        {}
func (l *fakeLedger) Submit()                            { l.say("submit") }
func (l *fakeLedger) Ready() error                       { return l.ready }
func (l *fakeLedger) Outcome() (settled bool, err error) { return l.settled, l.err }
func (l *fakeLedger) Poll()                              { l.polls++ }
func (l *fakeLedger) Answering(reply journal.Reply)      { l.answering = append(l.answering, reply) }
func (l *fakeLedger) Pipes(now journal.Pipes)            { l.pipes = append(l.pipes, now) }
func (l *fakeLedger) Committed()                         { l.say("committed") }
func (l *fakeLedger) BeginFailed()                       { l.say("begin failed") }
func (l *fakeLedger) Failed(alone bool)                  { l.say("failed %v", alone) }

func (l *fakeLedger) expect(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(l.calls, want) {
		t.Errorf("the ledger was told %q, want %q", l.calls, want)
	}
	l.calls = nil
}

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func newTestMachine(l *fakeLedger) *Machine {
	return NewMachine(Config{
		BeginMark: DefaultBeginMark, CommitMark: DefaultCommitMark,
		SendTimeout: 5 * time.Second, MaxLine: 100, Truncated: func(n int) { l.say("cut %d", n) },
	}, l)
}

// tell sends a line and returns what comes back at once.
func tell(m *Machine, line string) string {
	if reply := m.Line([]byte(line)); reply != "" || !m.Waiting() {
		replied(m)
		return reply
	}
	return poll(m, start)
}

// poll returns what is said at a time.
func poll(m *Machine, now time.Time) string {
	say, _ := m.Poll(now)
	if !m.Waiting() {
		replied(m)
	}
	return say
}

// replied writes a reply.
func replied(m *Machine) {
	m.Replying()
	m.Replied(true)
}

func expectSaid(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("said %q, want %q", got, want)
	}
}

// Without a journal, a line is accepted after its reply, whether that could be written or not.
func TestReplyFirst(t *testing.T) {
	l := &fakeLedger{settled: true}
	m := NewMachine(Config{BeginMark: DefaultBeginMark, CommitMark: DefaultCommitMark, MaxLine: 100, SendTimeout: time.Minute, ReplyFirst: true}, l)
	expectSaid(t, tell(m, "BEGIN TRANSACTION"), "OK\n")
	for i, line := range []string{"one", "", "three"} {
		expectSaid(t, m.Line([]byte(line)), "DEFER_COMMIT\n")
		m.Replying()
		l.expect(t)
		m.Replied(i != 1)
		l.expect(t, "accept "+line)
	}
	expectSaid(t, tell(m, "COMMIT TRANSACTION"), "OK\n")
	l.expect(t, "submit", "committed")
	expectSaid(t, tell(m, "alone"), "OK\n")
	l.expect(t, "accept alone", "submit", "committed")
}

func TestTransaction(t *testing.T) {
	l := &fakeLedger{settled: true}
	m := newTestMachine(l)
	expectSaid(t, m.Hello(), "OK\n")
	expectSaid(t, tell(m, "BEGIN TRANSACTION"), "OK\n")
	expectSaid(t, tell(m, "one"), "DEFER_COMMIT\n")
	expectSaid(t, tell(m, ""), "DEFER_COMMIT\n")
	expectSaid(t, tell(m, "COMMIT TRANSACTION"), "OK\n")
	l.expect(t, "accept one", "accept ", "submit", "committed")
}

func TestCommitWaitsWithDotsThenConfirms(t *testing.T) {
	l := &fakeLedger{err: errors.New("1 message not confirmed")}
	m := newTestMachine(l)
	tell(m, "BEGIN TRANSACTION")
	tell(m, "one")
	expectSaid(t, tell(m, "COMMIT TRANSACTION"), "")
	for i := 1; i <= 3; i++ {
		at := start.Add(time.Duration(i) * time.Second)
		say, again := m.Poll(at)
		expectSaid(t, say, ".")
		if again != at.Add(time.Second) {
			t.Errorf("again at %v", again.Sub(start))
		}
		say, _ = m.Poll(at.Add(time.Millisecond))
		expectSaid(t, say, "")
	}
	if l.polls == 0 {
		t.Error("the ledger was not polled: what only the kernel knows would never be noticed")
	}
	l.settled, l.err = true, nil
	expectSaid(t, poll(m, start.Add(3500*time.Millisecond)), "OK\n")
	if m.Waiting() {
		t.Error("still waiting")
	}
	l.expect(t, "accept one", "submit", "committed")
}

func TestCommitTimesOut(t *testing.T) {
	l := &fakeLedger{err: errors.New("1 message not confirmed: no peer is connected")}
	m := newTestMachine(l)
	tell(m, "BEGIN TRANSACTION")
	tell(m, "one")
	tell(m, "COMMIT TRANSACTION")
	expectSaid(t, poll(m, start.Add(5*time.Second)), "omzmq: 1 message not confirmed: no peer is connected after 5s\n")
	l.expect(t, "accept one", "submit", "failed true")
	l.settled, l.err = true, nil
	expectSaid(t, tell(m, "BEGIN TRANSACTION"), "OK\n")
}

// rsyslog tries again at once what was refused, so that the failures are paced; until something is confirmed again.
func TestRefusalsInARowArePaced(t *testing.T) {
	l := &fakeLedger{settled: true, err: errors.New("a receiver refused a message: no")}
	m := newTestMachine(l)
	m.cfg.SendTimeout = time.Minute
	const failure = "omzmq: a receiver refused a message: no\n"
	for _, pause := range []time.Duration{0, 100, 200, 400, 800, 1600, 3200, 5000, 5000} {
		at := start.Add(pause * time.Millisecond)
		said := tell(m, "one")
		if pause > 0 {
			expectSaid(t, said, "")
			say, again := m.Poll(at.Add(-time.Millisecond))
			for say == replyDot { // one for each second before
				say, again = m.Poll(at.Add(-time.Millisecond))
			}
			expectSaid(t, say, "")
			if again.After(at) {
				t.Errorf("again at %v, want %v at the latest", again.Sub(start), pause)
			}
			said = poll(m, at)
		}
		expectSaid(t, said, failure)
	}
	l.err = nil
	expectSaid(t, tell(m, "one"), "OK\n")
	l.err = errors.New("a receiver refused a message: no")
	expectSaid(t, tell(m, "one"), failure)
	tell(m, "one")
	expectSaid(t, m.Abandon("told to stop"), "omzmq: told to stop: a receiver refused a message: no\n")
}

func TestBeginWaitsForAPeer(t *testing.T) {
	l := &fakeLedger{ready: errors.New("no peer is connected"), settled: true}
	m := newTestMachine(l)
	expectSaid(t, tell(m, "BEGIN TRANSACTION"), "")
	expectSaid(t, poll(m, start.Add(time.Second)), ".")
	expectSaid(t, poll(m, start.Add(5*time.Second)), "omzmq: no peer is connected after 5s\n")
	expectSaid(t, tell(m, "BEGIN TRANSACTION"), "")
	l.ready = nil
	expectSaid(t, poll(m, start.Add(time.Second)), "OK\n")
	expectSaid(t, tell(m, "one"), "DEFER_COMMIT\n")
	expectSaid(t, tell(m, "COMMIT TRANSACTION"), "OK\n")
	l.expect(t, "begin failed", "accept one", "submit", "committed")
}

func TestMessageOutsideATransaction(t *testing.T) {
	l := &fakeLedger{err: errors.New("not confirmed")}
	m := newTestMachine(l)
	expectSaid(t, tell(m, "one"), "")
	l.settled, l.err = true, nil
	expectSaid(t, poll(m, start), "OK\n")
	l.settled, l.err = true, errors.New("refused: why\nnot\x00")
	expectSaid(t, tell(m, "two"), "omzmq: refused: why not \n")
	l.expect(t, "accept one", "submit", "committed", "accept two", "submit", "failed true")
}

// A line that the journal has no room for is answered when it is confirmed, or else when COMMIT can tell.
func TestLineThatIsNotJournaled(t *testing.T) {
	l := &fakeLedger{full: true, err: errors.New("1 message not confirmed")}
	m := newTestMachine(l)
	tell(m, "BEGIN TRANSACTION")
	expectSaid(t, tell(m, "one"), "")
	expectSaid(t, poll(m, start.Add(time.Second)), ".")
	l.settled, l.err = true, nil
	expectSaid(t, poll(m, start.Add(time.Second)), "DEFER_COMMIT\n")
	l.settled, l.err = false, errors.New("2 messages not confirmed")
	expectSaid(t, tell(m, "two"), "")
	expectSaid(t, poll(m, start.Add(5*time.Second)), "DEFER_COMMIT\n")
	expectSaid(t, tell(m, "three"), "")
	expectSaid(t, m.Abandon("told to stop"), "omzmq: told to stop: 2 messages not confirmed\n")
	l.expect(t, "accept one", "submit", "accept two", "submit", "accept three", "submit")
}

func TestInterleavedTransactions(t *testing.T) {
	l := &fakeLedger{settled: true}
	m := newTestMachine(l)
	for _, line := range []string{"BEGIN TRANSACTION", "a1", "BEGIN TRANSACTION", "b1", "a2"} {
		tell(m, line)
	}
	l.err = errors.New("refused")
	tell(m, "COMMIT TRANSACTION")
	expectSaid(t, tell(m, "b2"), "DEFER_COMMIT\n")
	tell(m, "COMMIT TRANSACTION")
	expectSaid(t, poll(m, start.Add(refusalFirst)), "omzmq: refused\n")
	l.expect(t, "accept a1", "accept b1", "accept a2", "submit", "failed false",
		"accept b2", "submit", "failed true")
}

func TestCommitWithoutBegin(t *testing.T) {
	l := &fakeLedger{settled: true}
	m := newTestMachine(l)
	expectSaid(t, tell(m, "COMMIT TRANSACTION"), "OK\n")
	expectSaid(t, tell(m, "one"), "OK\n")
}

func TestGathering(t *testing.T) {
	l := &fakeLedger{settled: true}
	m := newTestMachine(l)
	tell(m, "BEGIN TRANSACTION")
	for n := 1; n <= gatherLines; n++ {
		tell(m, "x")
		if m.Due() != (n == gatherLines) {
			t.Errorf("after %d lines due: %v", n, m.Due())
		}
	}
	m.Submit()
	if m.Due() {
		t.Error("still due")
	}
}

func TestCustomMarks(t *testing.T) {
	l := &fakeLedger{settled: true}
	m := NewMachine(Config{BeginMark: "<<", CommitMark: ">>", SendTimeout: time.Second, MaxLine: 100}, l)
	for _, step := range [][2]string{{"<<", "OK\n"}, {"BEGIN TRANSACTION", "DEFER_COMMIT\n"}, {">>", "OK\n"}} {
		expectSaid(t, tell(m, step[0]), step[1])
	}
	l.expect(t, "accept BEGIN TRANSACTION", "submit", "committed")
}

func TestLongLineIsCutAtACharacter(t *testing.T) {
	l := &fakeLedger{settled: true}
	m := newTestMachine(l)
	tell(m, strings.Repeat("x", 99)+"€")
	l.expect(t, "cut 102", "accept "+strings.Repeat("x", 99), "submit", "committed")
}

func TestFailureNeverReadsAsOK(t *testing.T) {
	for _, text := range []string{"OK", "", "\nOK", strings.Repeat("€", 2000), "\x1b[2J"} {
		got := failure(text)
		if !strings.HasPrefix(got, "omzmq: ") || strings.Count(got, "\n") != 1 || len(got) > maxFailure+1 {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestDotsLeaveRoomInOneReply(t *testing.T) {
	l := &fakeLedger{err: errors.New("not yet")}
	m := NewMachine(Config{BeginMark: "b", CommitMark: "c", SendTimeout: 100 * time.Hour, MaxLine: 100}, l)
	m.Line([]byte("one"))
	size, now := 0, start
	for m.Waiting() {
		say, again := m.Poll(now)
		size += len(say)
		if now == again {
			t.Fatalf("no progress at %v", now.Sub(start))
		}
		now = again
	}
	if size > 4095 || size < maxDots {
		t.Errorf("a reply of %d bytes", size)
	}
}

func TestAbandon(t *testing.T) {
	l := &fakeLedger{err: errors.New("2 messages not confirmed")}
	m := newTestMachine(l)
	tell(m, "BEGIN TRANSACTION")
	tell(m, "COMMIT TRANSACTION")
	expectSaid(t, m.Abandon("omzmq was told to stop"), "omzmq: omzmq was told to stop: 2 messages not confirmed\n")
}

// Whatever rsyslog says, one line is answered by one reply, and a failure never stands in the middle of a transaction.
func FuzzMachine(f *testing.F) {
	f.Fuzz(func(t *testing.T, script []byte) {
		l := &fakeLedger{}
		m := newTestMachine(l)
		now := start
		for i := 0; i+1 < len(script); i += 2 {
			line := [...]string{"BEGIN TRANSACTION", "COMMIT TRANSACTION", "message", "x", ""}[script[i]%5]
			l.ready, l.settled, l.err = nil, script[i+1]&1 == 0, nil
			if script[i+1]&2 == 0 {
				l.ready, l.err = errors.New("not ready"), errors.New("refused")
			}
			if !l.settled && l.err == nil {
				l.err = errors.New("waiting")
			}
			inside := m.open > 0
			reply := m.Line([]byte(line))
			for m.Waiting() {
				var say string
				if say, now = m.Poll(now.Add(time.Second)); m.Waiting() && strings.Contains(say, "\n") {
					t.Fatalf("%q while waiting", say)
				} else {
					reply += say
				}
			}
			replied(m)
			if now.IsZero() {
				now = start
			}
			reply = strings.TrimLeft(reply, ".")
			if strings.Count(reply, "\n") != 1 || !strings.HasSuffix(reply, "\n") {
				t.Fatalf("%q was answered %q", line, reply)
			}
			if inside && i >= 0 && script[i]%5 > 1 && reply != replyDefer {
				t.Fatalf("a message inside a transaction was answered %q", reply)
			}
		}
	})
}

// The journal hears of each reply about lines just before it is written, and of nothing else.
func TestAnswering(t *testing.T) {
	const none, deferred, confirmed, committed = journal.NoReply, journal.Deferred, journal.Confirmed, journal.Committed
	for _, c := range []struct {
		name  string
		lines []string
		err   error
		full  bool
		want  []journal.Reply
	}{
		{name: "a transaction", lines: []string{"BEGIN TRANSACTION", "a", "b", "COMMIT TRANSACTION"}, want: []journal.Reply{deferred, deferred, committed}},
		{name: "a message", lines: []string{"a"}, want: []journal.Reply{confirmed}},
		{name: "a failure", lines: []string{"BEGIN TRANSACTION", "a", "COMMIT TRANSACTION"}, err: errors.New("refused"), want: []journal.Reply{deferred}},
		{name: "no room", lines: []string{"BEGIN TRANSACTION", "a"}, full: true, want: []journal.Reply{deferred}},
	} {
		l := &fakeLedger{settled: true, err: c.err, full: c.full}
		m := newTestMachine(l)
		for _, line := range c.lines {
			tell(m, line)
		}
		if !slices.Equal(l.answering, c.want) {
			t.Errorf("%s: %v, want %v", c.name, l.answering, c.want)
		}
	}
	l := &fakeLedger{settled: true}
	m := newTestMachine(l)
	m.Line([]byte("a"))
	m.Poll(start)
	m.Replying()
	m.Replied(false)
	if want := []journal.Reply{confirmed, none}; !slices.Equal(l.answering, want) {
		t.Errorf("a reply that could not be written: %v, want %v", l.answering, want)
	}
	l.expect(t, "accept a", "submit")
	l.err = errors.New("refused")
	m.Line([]byte("b"))
	m.Poll(start)
	m.Replying()
	m.Replied(false)
	l.expect(t, "accept b", "submit") // rsyslog has not heard of the failure
}
