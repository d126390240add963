package delivery

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal/journaltest"
)

// streamed is a sender with streams, in one process after another if it has a journal.
type streamed struct {
	*Streams
	t       *testing.T
	link    *fakeLink
	journal *journaltest.Memory
	clock   int64
}

func newStreamed(t *testing.T, j *journaltest.Memory) *streamed {
	s := &streamed{t: t, link: &fakeLink{room: 1 << 20, leads: "tcp://a"}, journal: j}
	s.begin()
	return s
}

// begin begins a process.
func (s *streamed) begin() {
	cfg := SenderConfig{Logger: quiet, Streams: true}
	var records []journal.Record
	if s.journal != nil {
		cfg.Journal = journal.New(s.journal, nil)
		var err error
		if records, err = cfg.Journal.Recover(journal.Successor{Streams: true}); err != nil {
			s.t.Fatal(err)
		}
		cfg.Journal.Pipes(journal.PipesNone)
	}
	sender := NewSender(cfg, &fakeTransport{links: []*fakeLink{s.link}})
	sender.Restore(records, s.link.leads)
	s.Streams = NewStreams(sender, func() int64 { return s.clock })
	sender.Up(s.link)
}

// stored has the receiver say that it has stored everything up to a number.
func (s *streamed) stored(seq uint64) { s.sender.Answer(s.link, Answer{Seq: seq}) }

func (s *streamed) refuse(seq uint64) {
	s.sender.Answer(s.link, Answer{Seq: seq, Refused: true, Reason: "never"})
}

func (st *Stream) accept(lines ...string) *Stream {
	var batch [][]byte
	for _, line := range lines {
		batch = append(batch, []byte(line))
	}
	st.Accept(batch)
	return st
}

func (s *streamed) settles(st *Stream, confirmed int, reason string) {
	s.t.Helper()
	if n, refused, why := st.Settled(); n != confirmed || why != reason || refused != (reason != "") {
		s.t.Errorf("settled %d, refused %v, %q; want %d, %q", n, refused, why, confirmed, reason)
	}
}

func TestStreamsAreAnsweredEachInItsOrder(t *testing.T) {
	s := newStreamed(t, nil)
	a, b := s.Open(), s.Open()
	a.accept("a1", "a2")
	b.accept("b1")
	a.accept("a3")
	expectGot(t, s.link, "1 a1", "2 a2", "3 b1", "4 a3")
	s.settles(a, 0, "")
	s.stored(3)
	s.settles(a, 2, "")
	s.settles(b, 1, "")
	s.settles(b, 0, "")
	s.stored(4)
	s.settles(a, 1, "")
	s.Reclaim()
	a.accept("a4")
	s.stored(5)
	s.settles(a, 1, "")
	expectGot(t, s.link, "1 a1", "2 a2", "3 b1", "4 a3", "5 a4")
}

// What comes again over another connection keeps its number, and is stored once.
func TestWhatACutStreamOwedComesAgain(t *testing.T) {
	for name, test := range map[string]struct {
		lines    []string
		answered int      // of them
		again    []string // what the client sends then
		new      int      // how many of these, at the end, are new
	}{
		"all unanswered":                          {[]string{"a", "b"}, 0, []string{"a", "b", "c"}, 1},
		"some answered":                           {[]string{"a", "b", "c"}, 1, []string{"b", "c", "d"}, 1},
		"answers were not read":                   {[]string{"a", "b", "c"}, 2, []string{"a", "b", "c", "d"}, 1},
		"none of which was read":                  {[]string{"a", "b", "c"}, 2, []string{"b", "c", "d"}, 1},
		"equal lines":                             {[]string{"x", "x", "x"}, 1, []string{"x", "x", "x"}, 1},
		"an equal line is new":                    {[]string{"a", "b"}, 0, []string{"a", "b", "b"}, 1},
		"nothing unanswered: the text tells none": {[]string{"a", "b"}, 2, []string{"b", "c"}, 2},
		"another client":                          {[]string{"a", "b"}, 0, []string{"c", "a", "b"}, 3},
		"more than arrived":                       {[]string{"a"}, 0, []string{"a", "b", "c"}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStreamed(t, nil)
			st := s.Open().accept(test.lines...)
			if test.answered > 0 {
				s.stored(uint64(test.answered))
			}
			s.settles(st, test.answered, "")
			st.End(true)
			next := s.Open().accept(test.again...)
			want := len(test.lines) + test.new
			if got := len(s.link.got); got != want {
				t.Errorf("the receiver got %q, want %d messages", s.link.got, want)
			}
			s.stored(uint64(want))
			s.settles(next, len(test.again), "")
			s.Reclaim()
			if n := s.sender.Unconfirmed(); n != 0 {
				t.Errorf("%d unconfirmed", n)
			}
		})
	}
}

// Answers that were not read may be those of lines from before the account was last empty, and from before that.
func TestAnsweredBeforeTheAccountWasEmpty(t *testing.T) {
	s := newStreamed(t, nil)
	st := s.Open()
	for i, line := range []string{"a", "b", "c"} {
		st.accept(line)
		s.stored(uint64(i + 1))
		s.settles(st, 1, "")
		s.Reclaim()
	}
	st.accept("d", "e").End(true)
	next := s.Open().accept("b", "c")
	s.settles(next, 2, "")
	next.End(true) // cut again, and again without its answers
	last := s.Open().accept("b", "c", "d", "e", "f")
	s.stored(6)
	s.settles(last, 5, "")
	expectGot(t, s.link, "1 a", "2 b", "3 c", "4 d", "5 e", "6 f")
}

// A connection that sends again is cut itself. Its lines come again, and then the rest of those before.
func TestCutWhileItSendsAgain(t *testing.T) {
	s := newStreamed(t, nil)
	s.Open().accept("a", "b", "c", "d").End(true)
	s.Open().accept("a", "b").End(true)
	s.stored(1)
	st := s.Open().accept("a", "b", "c", "d", "e")
	expectGot(t, s.link, "1 a", "2 b", "3 c", "4 d", "5 e")
	s.stored(5)
	s.settles(st, 5, "")
	if len(s.cuts) != 0 {
		t.Errorf("%d cut connections are remembered", len(s.cuts))
	}
}

// The account is emptied while its connection is cut: what is confirmed by then still comes again.
func TestReclaimedWhileCut(t *testing.T) {
	s := newStreamed(t, nil)
	s.Open().accept("a", "b").End(true)
	s.stored(2)
	s.Reclaim()
	other := s.Open().accept("z") // its memory is used again
	s.stored(3)
	s.settles(other, 1, "")
	s.Reclaim()
	st := s.Open().accept("a", "b", "c")
	s.settles(st, 2, "")
	expectGot(t, s.link, "1 a", "2 b", "3 z", "4 c")
}

// Emptying the account costs the same whatever is remembered of connections that were cut.
func TestReclaimDoesNotLookAtCutsAgain(t *testing.T) {
	s := newStreamed(t, journaltest.New(NewSenderID()))
	var lines []string
	for i := range 1000 {
		lines = append(lines, fmt.Sprint("cut ", i))
	}
	s.Open().accept(lines...).End(true)
	s.stored(1000)
	s.Reclaim()
	s.sender.transport = swallow{s.link}
	st, batch, seq := s.Open(), [][]byte{[]byte("x")}, uint64(1000)
	allocs := testing.AllocsPerRun(20, func() {
		st.Accept(batch)
		seq++
		s.stored(seq)
		st.Settled()
		s.Reclaim()
	})
	if allocs > 2 {
		t.Errorf("%v allocations for a line", allocs)
	}
}

// A client that has closed its connection in order sends nothing again. A new line of equal text is new.
func TestClosedInOrder(t *testing.T) {
	s := newStreamed(t, nil)
	s.Open().accept("a").End(false)
	s.Open().accept("a")
	expectGot(t, s.link, "1 a", "2 a")
}

func TestCutsAreForgotten(t *testing.T) {
	s := newStreamed(t, nil)
	s.Open().accept("old").End(true)
	s.clock = cutAge + 1
	for i := range maxCuts + 10 {
		s.Open().accept(fmt.Sprint("cut ", i)).End(true)
	}
	if n := len(s.cuts); n != maxCuts {
		t.Errorf("%d cut connections are remembered", n)
	}
	s.clock++
	before := len(s.link.got)
	s.Open().accept("old")
	s.Open().accept("cut 1")
	s.Open().accept(fmt.Sprint("cut ", maxCuts))
	if got := len(s.link.got) - before; got != 2 {
		t.Errorf("%d of 3 lines are new, want 2", got)
	}
	long := strings.Repeat("x", maxCutBytes/2)
	for i := range 4 {
		s.Open().accept(fmt.Sprint(i, long)).End(true)
	}
	if n := len(s.cuts); n != 1 {
		t.Errorf("%d connections with long lines are remembered", n)
	}
}

// A refused line is answered with the reason, which ends the session. Nothing vanishes: it is tried again, alone.
func TestRefusedInAStream(t *testing.T) {
	m := journaltest.New(NewSenderID())
	s := newStreamed(t, m)
	st := s.Open().accept("a", "refused", "c")
	s.stored(1)
	s.refuse(2)
	s.stored(3)
	s.settles(st, 1, "never")
	s.settles(st, 0, "")
	st.End(true)
	if n := s.Refused(); n != 1 {
		t.Errorf("%d wait for Retry", n)
	}
	next := s.Open().accept("c", "d") // librelp has thrown the refused line away
	expectGot(t, s.link, "1 a", "2 refused", "3 c", "4 d")
	s.stored(4)
	s.settles(next, 2, "")
	s.Reclaim()
	if got := m.Owed(t); !slices.Equal(got, []string{"refused"}) || s.sender.Unjournaled() != 0 || s.sender.Unconfirmed() != 1 {
		t.Errorf("the journal owes %q, %d unconfirmed", got, s.sender.Unconfirmed())
	}
	s.Retry()
	s.refuse(2)
	s.Reclaim()
	s.Retry()
	expectGot(t, s.link, "1 a", "2 refused", "3 c", "4 d", "2 refused", "2 refused")
	s.stored(2)
	next.accept("e")
	s.stored(5)
	s.settles(next, 1, "")
	s.Reclaim()
	if got := m.Owed(t); len(got) != 0 || s.sender.Unconfirmed() != 0 || s.Refused() != 0 {
		t.Errorf("the journal owes %q, %d unconfirmed", got, s.sender.Unconfirmed())
	}
}

// After a spell of refusals, one line was answered with its refusal. Those that come again are sent again.
func TestRefusedLinesThatComeAgain(t *testing.T) {
	for name, emptied := range map[string]bool{"at once": false, "after the account was emptied": true} {
		t.Run(name, func(t *testing.T) {
			j := journaltest.New(NewSenderID())
			s := newStreamed(t, j)
			st := s.Open().accept("a", "b", "c", "d")
			for seq := range uint64(3) {
				s.refuse(seq + 1)
			}
			s.stored(4)
			s.settles(st, 0, "never")
			st.End(true)
			if emptied {
				s.Reclaim()
			}
			next := s.Open().accept("b", "c", "d")
			expectGot(t, s.link, "1 a", "2 b", "3 c", "4 d", "2 b", "3 c")
			s.settles(next, 0, "")
			s.refuse(3)
			s.stored(2)
			s.settles(next, 1, "never")
			next.End(true)
			last := s.Open().accept("d", "e")
			s.stored(5)
			s.settles(last, 2, "")
			if n := s.Refused(); n != 2 {
				t.Errorf("%d are refused, want 2", n)
			}
			s.Reclaim()
			s.Retry()
			expectGot(t, s.link, "1 a", "2 b", "3 c", "4 d", "2 b", "3 c", "5 e", "1 a", "3 c")
			s.stored(1)
			s.stored(3)
			s.Reclaim()
			if owed := j.Owed(t); len(owed) > 0 {
				t.Errorf("the journal owes %q", owed)
			}
		})
	}
}

// The answer to a refused line was lost. It was stored since, and is confirmed when it comes again.
func TestRefusedLineThatComesAgainWhenItIsStored(t *testing.T) {
	j := journaltest.New(NewSenderID())
	s := newStreamed(t, j)
	st := s.Open().accept("a", "b")
	s.refuse(1)
	s.stored(2)
	s.settles(st, 0, "never")
	st.End(true)
	s.Reclaim()
	s.Retry()
	s.stored(1)
	other := s.Open().accept("x")
	s.stored(3)
	s.settles(other, 1, "")
	s.Reclaim()
	next := s.Open().accept("a", "b", "c")
	s.settles(next, 2, "")
	expectGot(t, s.link, "1 a", "2 b", "1 a", "3 x", "4 c")
}

// More refused lines than are held: nothing more is accepted until some are stored.
func TestManyRefused(t *testing.T) {
	s := newStreamed(t, nil)
	for i := range maxTurned + 1 {
		if err := s.Ready(s.sender); err != nil {
			t.Fatal(err)
		}
		st := s.Open().accept("x")
		s.refuse(uint64(i + 1))
		s.settles(st, 0, "never")
		st.End(true)
		s.Reclaim()
	}
	if err := s.Ready(s.sender); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("ready: %v", err)
	}
	s.Retry()
	s.stored(maxTurned + 1)
	if err := s.Ready(s.sender); err != nil {
		t.Error(err)
	}
}

func TestStreamsHoldNoMoreThanTheyMay(t *testing.T) {
	s := newStreamed(t, nil)
	st := s.Open().accept(strings.Repeat("x", maxStreamed))
	if err := s.Ready(s.sender); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	st.accept("y")
	if err := s.Ready(s.sender); err != errFull {
		t.Errorf("over the limit: %v", err)
	}
	s.stored(2)
	s.settles(st, 2, "")
	s.Reclaim()
	if err := s.Ready(s.sender); err != nil {
		t.Error(err)
	}
	st.accept(make([]string, maxStreamedLines+1)...)
	if err := s.Ready(s.sender); err != errFull {
		t.Errorf("too many lines: %v", err)
	}
}

// The process is killed: its successor owes what is not confirmed, and recognizes what comes again over any connection.
func TestKilledWithStreams(t *testing.T) {
	m := journaltest.New(NewSenderID())
	s := newStreamed(t, m)
	a := s.Open().accept("a1", "a2", "a3")
	b := s.Open().accept("b1", "b2")
	s.stored(4) // b1
	s.settles(a, 3, "")
	s.settles(b, 1, "")
	a.accept("a4", "a5")
	s.link.got = nil
	s.begin()
	expectGot(t, s.link, "5 b2", "6 a4", "7 a5")
	next := s.Open().accept("b2", "b3")
	last := s.Open().accept("a4", "a5", "a6")
	expectGot(t, s.link, "5 b2", "6 a4", "7 a5", "8 b3", "9 a6")
	s.stored(9)
	s.settles(next, 2, "")
	s.settles(last, 3, "")
	s.Reclaim()
	if got := m.Owed(t); len(got) != 0 {
		t.Errorf("the journal owes %q", got)
	}
}

// What was answered does not come again: a line of equal text is new.
func TestAnsweredBeforeTheKill(t *testing.T) {
	s := newStreamed(t, journaltest.New(NewSenderID()))
	st := s.Open().accept("a", "b", "b")
	s.stored(2)
	s.settles(st, 2, "")
	s.begin()
	s.Open().accept("a")
	s.Open().accept("b")
	s.Open().accept("b")
	expectGot(t, s.link, "1 a", "2 b", "3 b", "3 b", "4 a", "5 b")
}

// The process is killed after all is confirmed, but not answered; its successor, too.
func TestKilledTwiceWithStreams(t *testing.T) {
	m := journaltest.New(NewSenderID())
	s := newStreamed(t, m)
	s.Open().accept("a", "b")
	s.stored(2)
	s.begin()
	other := s.Open().accept("z")
	s.stored(3)
	s.settles(other, 1, "")
	s.Reclaim()
	s.begin()
	st := s.Open().accept("a", "b", "c")
	s.settles(st, 2, "")
	expectGot(t, s.link, "1 a", "2 b", "3 z", "4 c")
}

// A process with a pipe takes the journal over: no line of it is taken for one that comes again.
func TestStreamsJournalAndAPipe(t *testing.T) {
	m := journaltest.New(NewSenderID())
	s := newStreamed(t, m)
	s.Open().accept("a")
	for _, r := range m.Recover(t, journal.Successor{Same: true}) {
		if r.Fate != journal.Orphan {
			t.Errorf("%q has the fate %d", r.Line, r.Fate)
		}
	}
}

func TestStreamsAllocateNothingOnceGrown(t *testing.T) {
	for name, m := range map[string]*journaltest.Memory{"memory": nil, "journal": journaltest.New(NewSenderID())} {
		t.Run(name, func(t *testing.T) {
			s := newStreamed(t, m)
			s.sender.transport = swallow{s.link}
			st, seq := s.Open(), uint64(0)
			batch := slices.Repeat([][]byte{[]byte(strings.Repeat("x", 200))}, 1000)
			allocs := testing.AllocsPerRun(20, func() {
				st.Accept(batch)
				seq += uint64(len(batch))
				s.stored(seq)
				if n, _, _ := st.Settled(); n != len(batch) {
					t.Fatal(n)
				}
				s.Reclaim()
			})
			if allocs > 1 {
				t.Errorf("%v allocations for %d lines", allocs, len(batch))
			}
		})
	}
}
