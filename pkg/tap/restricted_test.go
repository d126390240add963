package tap_test

import (
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap/taptest"
)

const (
	unknown   = "gap:messages may be missing: a publisher, or the network to it, was away or too slow"
	forgotten = "gap:messages may be missing: not all of the last ones are remembered"
)

// A restricted reader learns of gaps, but not whose messages are missing, or how many; and of its own messages that did
// not fit, how many.
func TestRestricted(t *testing.T) {
	s, source := tap.New(plenty), taptest.New(t)
	in := tap.Interest{Topics: []string{"a"}, Restricted: true, Queue: 3, QueueBytes: plenty}
	r := s.Join(in)
	defer r.Close()
	report := func() {
		s.Report(tap.Gap{Publisher: "tcp://other:1", Count: 5, Reason: "secret", Time: time.Unix(1, 0)})
	}
	source.Give(s.Publish, []string{"a", "1"}, []string{"b", "2"})
	report()
	source.Give(s.Publish, []string{"b", "3"}, []string{"b", "4"}, []string{"b", "5"}, []string{"a", "6"}, []string{"a", "7"}, []string{"b", "8"}, []string{"a", "9"})
	report()
	report()
	got := r.Take(nil)
	if want := "1 " + unknown + " 6 missed:2 " + unknown; text(got) != want {
		t.Errorf("got %s, want %s", text(got), want)
	}
	for _, d := range got {
		if d.Gap != nil && (d.Gap.Publisher != "" || d.Gap.Count != 0 || !d.Gap.Time.Equal(time.Unix(1, 0))) {
			t.Errorf("a gap says %+v", d.Gap)
		}
	}
	in.Resume, in.After = true, 1
	late := s.Join(in)
	defer late.Close()
	expect(t, late, unknown+" 6 7 9 "+unknown+" "+unknown)
	in.Queue = 2
	short := s.Join(in)
	defer short.Close()
	expect(t, short, "missed:1 7 9 "+unknown+" "+unknown)
	in = tap.Interest{Topics: []string{"a"}, Restricted: true, Queue: 3, QueueBytes: plenty, Last: 2}
	last := s.Join(in)
	defer last.Close()
	expect(t, last, "7 9 "+unknown+" "+unknown)
	if c := s.Counters(); c.Gone != 15 || c.Missed != 3 {
		t.Errorf("counters: %+v", c)
	}
}

// What is forgotten may be others': a restricted reader that resumes learns that something may be missing.
func TestRestrictedResumesAfterTheForgotten(t *testing.T) {
	s, source := tap.New(1), taptest.New(t) // one group is remembered
	source.Give(s.Publish, []string{"a", "1"})
	source.Give(s.Publish, []string{"b", "2"})
	source.Give(s.Publish, []string{"a", "3"})
	for after, want := range map[uint64]string{0: forgotten + " 3", 1: forgotten + " 3", 2: "3", 3: "", 1000: ""} {
		r := s.Join(tap.Interest{Topics: []string{"a"}, Restricted: true, Queue: 3, QueueBytes: plenty, Resume: true, After: after})
		expect(t, r, want)
		r.Close()
	}
	free := s.Join(tap.Interest{Topics: []string{"a"}, Queue: 3, QueueBytes: plenty, Resume: true, After: 1})
	defer free.Close()
	expect(t, free, "missed:1 3")
	if c := s.Counters(); c.Missed != 1 {
		t.Errorf("counters: %+v", c)
	}
}
