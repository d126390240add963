package delivery

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal/journaltest"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// fakeLink is a connection whose other end is the test.
type fakeLink struct {
	room    int
	got     []string // "seq payload"
	given   uint64
	written uint64
	acked   bool
	dropped int
	leads   string // its endpoint
}

func (l *fakeLink) Endpoint() string { return l.leads }

func (l *fakeLink) Queue(frames ...[]byte) bool {
	if l.room == 0 {
		return false
	}
	l.room--
	l.given++
	text := string(frames[len(frames)-1])
	if len(frames) == 3 {
		text = fmt.Sprint(binary.BigEndian.Uint64(frames[0]), " ", text)
	}
	l.got = append(l.got, text)
	return true
}

func (l *fakeLink) Drop(error)                 { l.dropped++ }
func (l *fakeLink) Written() uint64            { return l.written }
func (l *fakeLink) Acknowledged(n uint64) bool { return l.acked && n == l.given }

// fakeTransport gives to its links in turn.
type fakeTransport struct {
	links []*fakeLink
	next  int
}

func (t *fakeTransport) Flush() {}

func (t *fakeTransport) Queue(frames ...[]byte) Link {
	for range t.links {
		l := t.links[t.next%len(t.links)]
		t.next++
		if l.Queue(frames...) {
			return l
		}
	}
	return nil
}

func (t *fakeTransport) remove(l *fakeLink) {
	t.links = slices.DeleteFunc(t.links, func(o *fakeLink) bool { return o == l })
}

func newTestSender(confirm Confirm, links ...*fakeLink) (*Sender, *fakeTransport) {
	t := &fakeTransport{links: links}
	s := NewSender(SenderConfig{Confirm: confirm, Logger: quiet}, t)
	for _, l := range links {
		s.Up(l)
	}
	return s, t
}

// transaction accepts lines as one transaction and submits them.
func transaction(s *Sender, lines ...string) {
	for _, line := range lines {
		s.Accept([]byte(line))
	}
	s.Submit()
}

func expectGot(t *testing.T, l *fakeLink, want ...string) {
	t.Helper()
	if !slices.Equal(l.got, want) {
		t.Errorf("the receiver got %q, want %q", l.got, want)
	}
}

func expectOutcome(t *testing.T, s *Sender, settled bool, text string) {
	t.Helper()
	got, err := s.Outcome()
	if got != settled || (err == nil) != (text == "") || (err != nil && !strings.Contains(err.Error(), text)) {
		t.Errorf("outcome %v, %v; want %v, %q", got, err, settled, text)
	}
}

func TestStoredIsConfirmedByAnswers(t *testing.T) {
	l := &fakeLink{room: 10}
	s, _ := newTestSender(Stored, l)
	transaction(s, "a", "b", "c")
	expectGot(t, l, "1 a", "2 b", "3 c")
	expectOutcome(t, s, false, "3 messages not confirmed")
	s.Answer(l, Answer{Seq: 2})
	expectOutcome(t, s, false, "1 message not confirmed")
	s.Answer(l, Answer{Seq: 3})
	expectOutcome(t, s, true, "")
	s.Committed()
	transaction(s, "d")
	expectGot(t, l, "1 a", "2 b", "3 c", "4 d")
	s.Answer(l, Answer{Seq: 3}) // late: its account is closed
	expectOutcome(t, s, false, "1 message not confirmed")
}

func TestEqualLinesAreDistinctMessages(t *testing.T) {
	l := &fakeLink{room: 10}
	s, _ := newTestSender(Stored, l)
	transaction(s, "x", "x")
	transaction(s, "x") // a BEGIN without a COMMIT before it
	expectGot(t, l, "1 x", "2 x", "3 x")
}

func TestBogusAnswersConfirmNothing(t *testing.T) {
	l, stranger := &fakeLink{room: 2}, &fakeLink{}
	s, _ := newTestSender(Stored, l)
	s.Up(stranger)
	transaction(s, "a", "b", "not sent yet")
	for _, seq := range []uint64{0, 3, 4, 1 << 63} {
		s.Answer(l, Answer{Seq: seq})
		s.Answer(l, Answer{Seq: seq, Refused: true})
	}
	s.Answer(stranger, Answer{Seq: 1})
	expectOutcome(t, s, false, "3 messages not confirmed")
}

func TestLostConnectionOwesToAnother(t *testing.T) {
	a, b := &fakeLink{room: 10}, &fakeLink{room: 10}
	s, transport := newTestSender(Stored, a, b)
	transaction(s, "1", "2", "3", "4")
	expectGot(t, a, "1 1", "3 3")
	expectGot(t, b, "2 2", "4 4")
	s.Answer(a, Answer{Seq: 1})
	transport.remove(a)
	s.Down(a)
	expectGot(t, b, "2 2", "4 4", "3 3")
	s.Answer(a, Answer{Seq: 3}) // too late: the connection is gone
	s.Answer(b, Answer{Seq: 4})
	expectOutcome(t, s, false, "1 message not confirmed")
	s.Answer(b, Answer{Seq: 3}) // sent last on b, though its number is lower
	expectOutcome(t, s, true, "")
	if got := s.Counters(); got.Resent != 1 || got.Confirmed != 4 || got.Received != 4 {
		t.Errorf("counters %+v", got)
	}
}

func TestNobodyConnectedThenOneComes(t *testing.T) {
	s, transport := newTestSender(Stored)
	if s.Ready() == nil {
		t.Error("ready without a peer")
	}
	transaction(s, "a", "b")
	expectOutcome(t, s, false, "no peer is connected")
	l := &fakeLink{room: 1}
	transport.links = append(transport.links, l)
	s.Up(l)
	expectGot(t, l, "1 a")
	l.room = 5
	s.Progress(l)
	expectGot(t, l, "1 a", "2 b")
}

func TestRefusalFailsAndIsSentAgainWithItsNumber(t *testing.T) {
	l := &fakeLink{room: 10}
	s, _ := newTestSender(Stored, l)
	transaction(s, "a", "bad", "c")
	s.Answer(l, Answer{Seq: 2, Refused: true, Reason: "too ugly"})
	expectOutcome(t, s, true, "too ugly")
	s.Failed(true)
	expectOutcome(t, s, false, "2 messages not confirmed")
	s.Answer(l, Answer{Seq: 3}) // the later number does not turn the refusal into stored
	expectOutcome(t, s, true, "")
	transaction(s, "c") // rsyslog sends each again, in any order
	expectOutcome(t, s, true, "")
	s.Committed()
	transaction(s, "a")
	expectOutcome(t, s, true, "")
	s.Committed()
	transaction(s, "bad")
	expectGot(t, l, "1 a", "2 bad", "3 c", "2 bad")
	expectOutcome(t, s, false, "1 message not confirmed")
	s.Answer(l, Answer{Seq: 2})
	expectOutcome(t, s, true, "")
	s.Committed()
	transaction(s, "bad") // now it is a message of its own
	expectGot(t, l, "1 a", "2 bad", "3 c", "2 bad", "4 bad")
	s.Answer(l, Answer{Seq: 4, Refused: true, Reason: "still"})
	expectOutcome(t, s, true, "still")
}

func TestRepeatsAreAMultiset(t *testing.T) {
	l := &fakeLink{room: 20}
	s, _ := newTestSender(Stored, l)
	transaction(s, "x", "y", "x")
	s.Failed(true) // timed out
	transaction(s, "x")
	s.Failed(true)
	transaction(s, "x")
	transaction(s, "x")
	transaction(s, "y")
	expectGot(t, l, "1 x", "2 y", "3 x")
	transaction(s, "x") // a third one is new
	expectGot(t, l, "1 x", "2 y", "3 x", "4 x")
}

func TestRepeatsEndWithATransactionOfNewLines(t *testing.T) {
	l := &fakeLink{room: 20}
	s, _ := newTestSender(Stored, l)
	transaction(s, "x", "y")
	s.Failed(true)
	s.Answer(l, Answer{Seq: 2})
	transaction(s, "new")
	s.Answer(l, Answer{Seq: 3})
	expectOutcome(t, s, true, "")
	s.Committed()
	transaction(s, "x")
	expectGot(t, l, "1 x", "2 y", "3 new", "4 x")
}

func TestFailureAmongOtherOpenTransactions(t *testing.T) {
	l := &fakeLink{room: 20}
	s, _ := newTestSender(Stored, l)
	transaction(s, "a", "b") // of two workers, both open
	s.Failed(false)          // one of the two; nothing says which
	transaction(s, "b")      // may be a message of its own: merging it might lose it
	expectGot(t, l, "1 a", "2 b", "3 b")
	s.Failed(true) // the other one, too: now everything comes again
	transaction(s, "b", "a")
	expectGot(t, l, "1 a", "2 b", "3 b")
}

func TestRefusalAmongOtherOpenTransactionsIsSentOnceMore(t *testing.T) {
	l := &fakeLink{room: 20}
	s, _ := newTestSender(Stored, l)
	transaction(s, "a", "b")
	s.Answer(l, Answer{Seq: 2, Refused: true, Reason: "no"})
	expectOutcome(t, s, true, "no")
	s.Failed(false) // nothing says whose it was, and thus whether rsyslog will send it again
	expectGot(t, l, "1 a", "2 b", "2 b")
	s.Answer(l, Answer{Seq: 1})
	expectOutcome(t, s, false, "1 message ")
	s.Answer(l, Answer{Seq: 2})
	expectOutcome(t, s, true, "")
	if got := s.Counters().Resent; got != 1 {
		t.Errorf("%d resent", got)
	}
}

func TestStalledPeerThatKnowsNoNumbers(t *testing.T) {
	a, b := &fakeLink{room: 20}, &fakeLink{room: 20}
	s, transport := newTestSender(Received, a)
	transaction(s, "x")
	s.Failed(true)
	transaction(s, "x")
	if a.dropped != 0 {
		t.Error("dropped though there is no other")
	}
	transport.links = append(transport.links, b)
	s.Up(b)
	s.Failed(true)
	transaction(s, "x")
	if a.dropped != 1 {
		t.Error("not dropped though there is another")
	}
}

func TestOverdueConnectionIsEndedWhenItsLinesComeAgain(t *testing.T) {
	a, b := &fakeLink{room: 20}, &fakeLink{room: 20}
	s, transport := newTestSender(Stored, a)
	transaction(s, "x", "y")
	s.Failed(true)
	if a.dropped != 0 {
		t.Error("dropped before anything came again: an answer may still come")
	}
	transaction(s, "y")
	transaction(s, "x")
	if a.dropped != 1 {
		t.Errorf("dropped %d times", a.dropped)
	}
	transport.links = []*fakeLink{b}
	s.Down(a)
	s.Up(b)
	expectGot(t, b, "1 x", "2 y")
	transaction(s, "new")
	s.Answer(b, Answer{Seq: 3})
	expectOutcome(t, s, true, "")
	if b.dropped != 0 {
		t.Error("the new connection was dropped, too")
	}
}

func TestReceivedAsksTheKernel(t *testing.T) {
	l := &fakeLink{room: 10}
	s, _ := newTestSender(Received, l)
	transaction(s, "a", "b")
	expectGot(t, l, "a", "b")
	s.Poll()
	expectOutcome(t, s, false, "2 messages")
	l.acked = true
	expectOutcome(t, s, false, "2 messages") // Outcome does not poll
	s.Poll()
	expectOutcome(t, s, true, "")
}

func TestSentFollowsTheKernelsWrites(t *testing.T) {
	l := &fakeLink{room: 10}
	s, _ := newTestSender(Sent, l)
	transaction(s, "a", "b")
	l.written = 1
	s.Progress(l)
	expectOutcome(t, s, false, "1 message ")
	l.written = 2
	s.Progress(l)
	expectOutcome(t, s, true, "")
}

func TestTopics(t *testing.T) {
	l := &fakeLink{room: 10}
	transport := &fakeTransport{links: []*fakeLink{l}}
	s := NewSender(SenderConfig{Confirm: Sent, Topics: message.Topics{ByDelimiter: true, Delimiter: ' '}, Logger: quiet}, transport)
	transaction(s, "app line", "nodelimiter")
	expectGot(t, l, "line", "nodelimiter")
	if got := s.Counters().NoDelimiter; got != 1 {
		t.Errorf("%d lines without delimiter", got)
	}
}

func TestAcceptAllocatesNothingOnceGrown(t *testing.T) {
	l := &fakeLink{}
	s := NewSender(SenderConfig{Confirm: Stored, Logger: quiet}, swallow{l})
	s.Up(l)
	line := []byte(strings.Repeat("x", 200))
	round := func() {
		for range 100 {
			s.Accept(line)
		}
		s.Submit()
		s.Answer(l, Answer{Seq: s.next - 1})
		s.Committed()
	}
	round()
	if got := testing.AllocsPerRun(100, round); got > 0 {
		t.Errorf("%v allocations for 100 messages", got)
	}
}

// swallow takes everything.
type swallow struct{ link Link }

func (s swallow) Queue(...[]byte) Link { return s.link }
func (swallow) Flush()                 {}

// The backlog of transactions that broke bounds what is accepted: the next does not begin before it is confirmed.
// The one that has begun is accepted whole.
func TestBacklog(t *testing.T) {
	l := &fakeLink{room: 100}
	s, _ := newTestSender(Stored, l)
	mebibyte := strings.Repeat("x", 1<<20)
	for range 8 {
		transaction(s, mebibyte)
		if err := s.Ready(); err != nil {
			t.Fatalf("with %d bytes: %v", s.bytes, err)
		}
	}
	transaction(s, "one byte more")
	if err := s.Ready(); err == nil || !strings.Contains(err.Error(), "9 messages") {
		t.Errorf("with more: %v", err)
	}
	s.Answer(l, Answer{Seq: s.next - 1})
	if err := s.Ready(); err != nil {
		t.Errorf("confirmed: %v", err)
	}
	s.Committed()
	transaction(s, "new")
	if err := s.Ready(); err != nil {
		t.Errorf("in a new account: %v", err)
	}
}

// A connection is overdue only for what it owed when rsyslog was told of the failure. One that owed nothing then,
// and was given the message later, is not ended when its line comes again.
func TestOnlyAConnectionThatOwedIsOverdue(t *testing.T) {
	a, b := &fakeLink{room: 20}, &fakeLink{room: 20}
	s, transport := newTestSender(Stored, a, b)
	transport.links = []*fakeLink{a}
	transaction(s, "x", "y")
	s.Failed(true) // a owes both, b nothing
	transport.links = []*fakeLink{b}
	s.Down(a)
	expectGot(t, b, "1 x", "2 y")
	transaction(s, "x", "y")
	if b.dropped != 0 {
		t.Error("the connection that had owed nothing was ended")
	}
}

// A transaction without any line does not show that rsyslog is done with the repeats.
func TestEmptyTransactionEndsNoRepeats(t *testing.T) {
	l := &fakeLink{room: 20}
	s, _ := newTestSender(Stored, l)
	transaction(s, "x", "y")
	s.Failed(true)
	s.Answer(l, Answer{Seq: 2})
	s.Submit()
	s.Committed()
	transaction(s, "y", "x")
	expectGot(t, l, "1 x", "2 y")
	transaction(s, "x")
	expectGot(t, l, "1 x", "2 y", "3 x")
}

// The table above Failed.
func TestFateOfAMessageAfterAFailure(t *testing.T) {
	for _, c := range []struct {
		message       string
		entry         entry
		alone, others afterFailure
	}{
		{"pending", entry{state: pending}, awaitsRepeat, stays},
		{"in flight", entry{state: inFlight}, awaitsRepeat, stays},
		{"confirmed", entry{state: confirmed}, awaitsRepeat, stays},
		{"refused", entry{state: refused}, awaitsRepeat, sentOnceMore},
		{"refused and given back before", entry{state: refused, givenBack: true}, awaitsRepeat, stays},
		{"an orphan in flight", entry{state: inFlight, orphan: true}, stays, stays},
		{"an orphan that was refused", entry{state: refused, orphan: true}, stays, stays},
	} {
		if alone, others := c.entry.afterFailure(true), c.entry.afterFailure(false); alone != c.alone || others != c.others {
			t.Errorf("%s: %d with no other transaction open, %d with others; want %d, %d", c.message, alone, others, c.alone, c.others)
		}
	}
}

// subscribers get what a Publisher publishes.
type subscribers struct {
	queued, sent []string
	missing      error
}

func (s *subscribers) Settled() error { return s.missing }

func (s *subscribers) Publish(frames ...[]byte) {
	s.queued = append(s.queued, string(bytes.Join(frames, []byte("|"))))
}
func (s *subscribers) Flush() { s.sent, s.queued = append(s.sent, s.queued...), nil }

func TestPublisher(t *testing.T) {
	var log bytes.Buffer
	s := &subscribers{}
	p := NewPublisher(message.Topics{ByDelimiter: true, Delimiter: ' '}, s, slog.New(slog.NewTextHandler(&log, nil)))
	for _, line := range []string{"auth one", "nodelimiter", "neither", "mail two"} {
		if !p.Accept([]byte(line)) {
			t.Error("not deferrable")
		}
	}
	if len(s.sent) > 0 {
		t.Errorf("sent before Submit: %q", s.sent)
	}
	p.Submit()
	if want := []string{"auth|one", "|nodelimiter", "|neither", "mail|two"}; !slices.Equal(s.sent, want) {
		t.Errorf("sent %q, want %q", s.sent, want)
	}
	if got := p.Counters(); got != (Counters{Received: 4, Confirmed: 4, NoDelimiter: 2}) {
		t.Errorf("counters %+v", got)
	}
	if n := strings.Count(log.String(), "lacks the --topic-delimiter"); n != 1 {
		t.Errorf("logged %d times", n)
	}
	if settled, err := p.Outcome(); !settled || err != nil || p.Ready() != nil || len(p.Changed()) > 0 {
		t.Error("a publisher owes something")
	}
	if p.Outstanding()+p.Unconfirmed()+p.Unjournaled() > 0 {
		t.Error("a publisher owes messages")
	}
}

// What was given back is owed until rsyslog has sent it again or was told OK for what followed. Until then the
// journal keeps it: an rsyslog that is stopped forgets what has failed.
func TestWhatWasGivenBackIsOwed(t *testing.T) {
	for _, c := range []struct {
		name string
		then func(s *Sender, l *fakeLink)
		owed []string
	}{
		{"nothing followed", func(*Sender, *fakeLink) {}, []string{"b"}},
		{"others of its transaction were sent again and stored", func(s *Sender, l *fakeLink) {
			transaction(s, "a")
			s.Committed()
		}, []string{"b"}},
		{"it was sent again and not answered", func(s *Sender, _ *fakeLink) { transaction(s, "b") }, []string{"b"}},
		{"it was sent again and refused again", func(s *Sender, l *fakeLink) {
			transaction(s, "b")
			s.Answer(l, Answer{Seq: 2, Refused: true, Reason: "no"})
			s.Failed(true)
		}, []string{"b"}},
		{"it was sent again and stored", func(s *Sender, l *fakeLink) {
			transaction(s, "b")
			s.Answer(l, Answer{Seq: 2})
			s.Committed()
		}, nil},
		{"OK for a new line", func(s *Sender, l *fakeLink) {
			transaction(s, "new")
			s.Answer(l, Answer{Seq: 4})
			s.Committed()
		}, nil},
		{"OK for an empty transaction", func(s *Sender, _ *fakeLink) { s.Committed() }, []string{"b"}},
		{"a new line, not answered", func(s *Sender, _ *fakeLink) { transaction(s, "new") }, []string{"b", "new"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, l := journaltest.New(NewSenderID()), &fakeLink{room: 100}
			journaled := inherit(t, m, []*fakeLink{l})
			journaled.Up(l)
			bare := &fakeLink{room: 100}
			unjournaled, _ := newTestSender(Stored, bare)
			for s, l := range map[*Sender]*fakeLink{journaled: l, unjournaled: bare} {
				transaction(s, "a", "b", "c")
				s.Answer(l, Answer{Seq: 1})
				s.Answer(l, Answer{Seq: 2, Refused: true, Reason: "no"})
				s.Answer(l, Answer{Seq: 3})
				s.Failed(true)
				c.then(s, l)
				if n := s.Unconfirmed(); n != len(c.owed) {
					t.Errorf("%d unconfirmed, want %q", n, c.owed)
				}
			}
			if got := m.Owed(t); !slices.Equal(got, c.owed) {
				t.Errorf("the journal owes %q, want %q", got, c.owed)
			}
			if a, b := journaled.Unjournaled(), unjournaled.Unjournaled(); a != 0 || b != len(c.owed) {
				t.Errorf("%d unjournaled with a journal, %d without, want 0 and %d", a, b, len(c.owed))
			}
		})
	}
}

// Where several workers share the pipe, an OK for new lines may be another worker's. What was given back then stays
// in the journal, and is tried again.
func TestWhatWasGivenBackToOneOfSeveralWorkers(t *testing.T) {
	m, l := journaltest.New(NewSenderID()), &fakeLink{room: 100}
	s := inherit(t, m, []*fakeLink{l})
	s.Up(l)
	s.Opened(2)
	s.Opened(1)
	transaction(s, "a")
	s.Answer(l, Answer{Seq: 1, Refused: true, Reason: "no"})
	s.Failed(true)
	transaction(s, "another worker's")
	s.Answer(l, Answer{Seq: 2})
	s.Committed()
	if got := m.Owed(t); !slices.Equal(got, []string{"a"}) || s.Unconfirmed() != 1 {
		t.Errorf("the journal owes %q, %d unconfirmed", got, s.Unconfirmed())
	}
	s.Retry()
	s.Answer(l, Answer{Seq: 1})
	if expectGot(t, l, "1 a", "2 another worker's", "1 a"); s.Unconfirmed() != 0 {
		t.Errorf("%d unconfirmed", s.Unconfirmed())
	}
}

// rsyslog since 8.2508 sends all of a broken transaction one by one: also lines that are new to us, and what was
// refused after those. When it is stopped before, it has forgotten that. Earlier releases do not come to new lines
// before.
func TestWhatWasGivenBackBeforeNewLinesOfItsBatch(t *testing.T) {
	for splits, want := range map[bool][]string{true: {"a"}, false: nil} {
		m, l := journaltest.New(NewSenderID()), &fakeLink{room: 100}
		s := inherit(t, m, []*fakeLink{l})
		s.cfg.Splits = func() bool { return splits }
		s.Up(l)
		transaction(s, "a")
		s.Answer(l, Answer{Seq: 1, Refused: true, Reason: "no"})
		s.Failed(true)
		transaction(s, "new")
		s.Answer(l, Answer{Seq: 2})
		s.Committed()
		if got := m.Owed(t); !slices.Equal(got, want) || s.Unconfirmed() != len(want) {
			t.Errorf("splits %v: the journal owes %q, %d unconfirmed", splits, got, s.Unconfirmed())
		}
	}
}

// An rsyslog that reads no replies sends nothing again. A message that is refused is lost, which is reported at once,
// and an equal line is a message of its own.
func TestRefusedWhereNoRepliesAreRead(t *testing.T) {
	m, l := journaltest.New(NewSenderID()), &fakeLink{room: 100}
	s := inherit(t, m, []*fakeLink{l})
	var lost []string
	s.cfg.Lost = func(reason string) { lost = append(lost, reason) }
	s.Up(l)
	s.Pipes(journal.PipesUnread)
	transaction(s, "a", "b")
	s.Answer(l, Answer{Seq: 1, Refused: true, Reason: "no"})
	if !slices.Equal(lost, []string{"no"}) || s.Counters().Lost != 1 {
		t.Errorf("reported as lost: %q, %d counted", lost, s.Counters().Lost)
	}
	s.Answer(l, Answer{Seq: 2})
	expectOutcome(t, s, true, "")
	if got := m.Owed(t); got != nil || s.Unconfirmed() != 0 {
		t.Errorf("the journal owes %q, %d unconfirmed", got, s.Unconfirmed())
	}
	s.Committed()
	transaction(s, "a", "b")
	expectGot(t, l, "1 a", "2 b", "3 a", "4 b")
}
