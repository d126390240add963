package tap_test

import (
	"math"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap/taptest"
)

func TestGapsStandWhereTheyAre(t *testing.T) {
	s, source := tap.New(plenty), taptest.New(t)
	r := s.Join(tap.Interest{Queue: 3, QueueBytes: plenty})
	defer r.Close()
	other := s.Join(tap.Interest{Topics: []string{"b"}, Queue: 3, QueueBytes: plenty})
	defer other.Close()
	source.Give(s.Publish, payloads("a")...)
	s.Report(tap.Gap{Count: 5, Reason: "five"})
	source.Give(s.Publish, payloads("b")...)
	expect(t, r, "a gap:five b")
	expect(t, other, "gap:five b")
	if c := s.Counters(); c.Gone != 5 || c.Missed != 0 {
		t.Errorf("counters: %+v", c)
	}
}

// A reader that comes back or comes late gets the gaps among the remembered messages, each in its place, and
// no earlier one.
func TestGapsAreRecalled(t *testing.T) {
	s, source := tap.New(plenty), taptest.New(t)
	s.Report(tap.Gap{Reason: "first"})
	source.Give(s.Publish, []string{"a", "1"}, []string{"b", "2"})
	s.Report(tap.Gap{Reason: "second"})
	source.Give(s.Publish, []string{"a", "3"}, []string{"b", "4"})
	s.Report(tap.Gap{Reason: "third"})
	for _, test := range []struct {
		want string
		in   tap.Interest
	}{
		{"gap:first 1 2 gap:second 3 4 gap:third", tap.Interest{Resume: true}},
		{"2 gap:second 3 4 gap:third", tap.Interest{Resume: true, After: 1}},
		{"gap:second 3 4 gap:third", tap.Interest{Resume: true, After: 2}},
		{"gap:third", tap.Interest{Resume: true, After: 4}},
		{"2 gap:second 4 gap:third", tap.Interest{Resume: true, After: 1, Topics: []string{"b"}}},
		{"3 4 gap:third", tap.Interest{Last: 2}},
		{"2 gap:second 3 4 gap:third", tap.Interest{Last: 3}},
		{"", tap.Interest{}},
	} {
		test.in.Queue, test.in.QueueBytes = 10, plenty
		r := s.Join(test.in)
		expect(t, r, test.want)
		r.Close()
	}
	short := s.Join(tap.Interest{Queue: 1, QueueBytes: plenty, Resume: true})
	defer short.Close()
	expect(t, short, "missed:3 4 gap:third")
}

// The number of remembered gaps is bounded. The oldest are merged, and a gap is forgotten only with the
// messages before it.
func TestGapsRememberedAreBounded(t *testing.T) {
	s, source := tap.New(plenty), taptest.New(t)
	for i := range 1500 {
		source.Give(s.Publish, payloads("a")...)
		s.Report(tap.Gap{Publisher: "p", Count: uint64(i + 1), Reason: "x"})
	}
	r := s.Join(tap.Interest{Queue: 5000, QueueBytes: plenty, Resume: true})
	defer r.Close()
	gaps, count := 0, uint64(0)
	for _, d := range r.Take(nil) {
		if d.Gap != nil {
			gaps++
			count += d.Gap.Count
		}
	}
	if gaps != 1000 || count != 1500*1501/2 {
		t.Errorf("%d gaps of %d messages", gaps, count)
	}
	tiny := tap.New(1)
	for range 1500 {
		source.Give(tiny.Publish, payloads("a")...)
		tiny.Report(tap.Gap{Count: 1, Reason: "x"})
	}
	left := tiny.Join(tap.Interest{Queue: 10, QueueBytes: plenty, Resume: true, After: 1490})
	defer left.Close()
	expect(t, left, "missed:9 gap:x a gap:x")
}

// A stream without a history remembers no gaps either.
func TestNoHistoryNoGaps(t *testing.T) {
	s := tap.New(0)
	s.Report(tap.Gap{Reason: "before"})
	r := s.Join(tap.Interest{Queue: 10, QueueBytes: plenty, Resume: true})
	defer r.Close()
	expect(t, r, "")
	s.Report(tap.Gap{Reason: "after"})
	expect(t, r, "gap:after")
}

// A gap that finds the queue full is reported all the same, merged with others: endless gaps take no memory.
func TestGapsInAFullQueue(t *testing.T) {
	s, source := tap.New(0), taptest.New(t)
	r := s.Join(tap.Interest{Queue: 2, QueueBytes: plenty})
	defer r.Close()
	source.Give(s.Publish, payloads("a", "b")...)
	s.Report(tap.Gap{Publisher: "p", Count: 2, Reason: "first"})
	s.Report(tap.Gap{Publisher: "p", Count: 3, Reason: "second"})
	got := r.Take(nil)
	if text(got) != "a b gap:second" || got[len(got)-1].Gap.Count != 5 {
		t.Errorf("took %q, %+v", text(got), got[len(got)-1].Gap)
	}
	source.Give(s.Publish, payloads("c", "d", "e")...)
	s.Report(tap.Gap{Publisher: "p", Count: 2, Reason: "third"})
	s.Report(tap.Gap{Publisher: "q", Reason: "fourth"})
	source.Give(s.Publish, payloads("f")...)
	got = r.Take(nil)
	if gap := got[len(got)-1].Gap; text(got) != "c d missed:2 gap:fourth" || gap.Count != 0 || gap.Publisher != "" {
		t.Errorf("took %q, %+v", text(got), gap)
	}
	expect(t, r, "")
	for range 1000 {
		s.Report(tap.Gap{Reason: "again"})
	}
	if got := r.Take(nil); len(got) > 3 {
		t.Errorf("%d gaps are queued", len(got))
	}
}

// Any number that a publisher reports is a number, and added to another one it is no smaller.
func TestHugeGaps(t *testing.T) {
	s := tap.New(0)
	reader := s.Join(tap.Interest{Queue: 3, QueueBytes: plenty})
	defer reader.Close()
	for range 2 {
		s.Report(tap.Gap{Count: math.MaxUint64, Reason: "r"})
	}
	got := reader.Take(nil)
	if len(got) == 0 || got[0].Gap == nil || got[0].Gap.String() != "18446744073709551615 messages are missing here: r" {
		t.Errorf("%+v", got)
	}
	if gone := s.Counters().Gone; gone != math.MaxUint64 {
		t.Errorf("%d messages are gone", gone)
	}
}
