package delivery

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"unsafe"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"
)

// paper is a journal's storage of a few extents.
type paper struct {
	header  []byte
	extents [][]byte
}

func words(size int) []byte {
	w := make([]uint64, size/8)
	return unsafe.Slice((*byte)(unsafe.Pointer(&w[0])), size)
}

func newPaper() *paper {
	p := &paper{header: words(journal.HeaderSize)}
	journal.WriteHeader(p.header, NewSenderID(), journal.Owner{})
	return p
}

func (p *paper) Header() []byte    { return p.header }
func (p *paper) Extents() [][]byte { return p.extents }
func (p *paper) Shrink()           {}
func (p *paper) Extend(size int) error {
	p.extents = append(p.extents, words(max(256, size)))
	return nil
}

// owed is what another process would find.
func (p *paper) owed(t *testing.T) (lines []string) {
	t.Helper()
	twin := &paper{header: bytes.Clone(p.header)}
	for _, e := range p.extents {
		twin.extents = append(twin.extents, words(len(e)))
		copy(twin.extents[len(twin.extents)-1], e)
	}
	records, err := journal.New(twin, nil).Recover(journal.Successor{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		lines = append(lines, string(r.Line))
	}
	return lines
}

// inherit is a sender that goes on with a journal in which these lines are owed and will not come again.
func inherit(t *testing.T, p *paper, links []*fakeLink, lines ...string) *Sender {
	t.Helper()
	dead := journal.New(p, nil)
	for i, line := range lines {
		if _, ref, err := dead.Append(uint64(i+1), []byte(line)); err != nil {
			t.Fatal(err)
		} else {
			ref.Route(numberOf(links[0].leads))
		}
	}
	log := journal.New(p, nil)
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

// A receiver will not have what a dead process has left. rsyslog's own lines are confirmed all the same, and the journal keeps
// no more than that one.
func TestRefusedOrphanBlocksNobody(t *testing.T) {
	p, l := newPaper(), &fakeLink{room: 1000}
	s := inherit(t, p, []*fakeLink{l}, "taken", "refused", "taken, too")
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
		if got := p.owed(t); s.Unconfirmed() != 1 || s.Unkept() != 0 || !slices.Equal(got, []string{"refused"}) {
			t.Fatalf("round %d: %d unconfirmed, the journal owes %q", round, s.Unconfirmed(), got)
		}
		if round == 10 {
			if n := s.Retry(); n != 1 || l.got[len(l.got)-1] != "2 refused" {
				t.Fatalf("Retry: %d, last sent %q", n, l.got[len(l.got)-1])
			}
			s.Answer(l, Answer{Seq: 2, Refused: true, Reason: "never"})
		}
	}
	if len(p.extents) > 20 {
		t.Errorf("the journal has grown to %d extents", len(p.extents))
	}
	s.Retry()
	s.Answer(l, Answer{Seq: 2})
	s.Committed()
	if got := p.owed(t); s.Unconfirmed() != 0 || len(got) > 0 {
		t.Errorf("in the end %d unconfirmed, the journal owes %q", s.Unconfirmed(), got)
	}
}

// The timer that has orphans tried again fires while the OK to a COMMIT is being written. Nothing of the orphan, or of the lines
// that come after, may end up in the other's place.
func TestRetryAtCommit(t *testing.T) {
	p, l := newPaper(), &fakeLink{room: 1000}
	s := inherit(t, p, []*fakeLink{l}, "refused")
	s.Up(l)
	s.Answer(l, Answer{Seq: 1, Refused: true, Reason: "never"})
	transaction(s, "a line of the first transaction")
	s.Answer(l, Answer{Seq: 2})
	expectOutcome(t, s, true, "")
	s.Retry()
	s.Committed()
	transaction(s, "a line of the second")
	if got := p.owed(t); !slices.Equal(got, []string{"refused", "a line of the second"}) {
		t.Errorf("the journal owes %q", got)
	}
	l.got = nil
	s.Down(l)
	s.Up(l)
	expectGot(t, l, "1 refused", "3 a line of the second")
	s.Answer(l, Answer{Seq: 3})
	if got := p.owed(t); s.Unconfirmed() != 0 || len(got) > 0 {
		t.Errorf("in the end %d unconfirmed, the journal owes %q", s.Unconfirmed(), got)
	}
}

// What a receiver may have stored waits for it as long as it may come back: when another refuses something, too. It does not
// when time has run out.
func TestRefusalGivesUpNobody(t *testing.T) {
	away, here := &fakeLink{room: 10, leads: "tcp://away"}, &fakeLink{room: 10, leads: "tcp://here"}
	s := inherit(t, newPaper(), []*fakeLink{away, here}, "may be stored away")
	s.transport.(*fakeTransport).remove(away)
	s.Up(here)
	transaction(s, "refused")
	s.Answer(here, Answer{Seq: 2, Refused: true, Reason: "no"})
	s.Failed(true)
	expectGot(t, here, "2 refused")
	s.Failed(true)
	expectGot(t, here, "2 refused", "1 may be stored away")
}
