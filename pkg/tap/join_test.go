package tap

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap/taptest"
)

// What is published while a reader's past is looked for comes after it: nothing is left out, nothing comes twice, and
// what is forgotten meanwhile is found all the same.
func TestPublishedWhileAReaderJoins(t *testing.T) {
	const limit, each, recalled = 20_000, 100, 50
	s, source := New(limit), taptest.New(t)
	next := 0
	publish := func() {
		for range each { // one at a time: each is a group of its own
			source.Give(s.Publish, []string{"t", fmt.Sprint(next)})
			next++
		}
	}
	publish()
	s.Report(Gap{Reason: "before"})
	r := &Reader{stream: s, interest: Interest{Last: recalled, Queue: 3 * each, QueueBytes: limit}, topics: distinct(nil), wake: make(chan struct{}, 1)}
	past, last := s.join(r)
	publish() // without a lock that is held
	publish()
	s.Report(Gap{Reason: "after"})
	if s.history.forgotten(0, s.last) < each {
		t.Fatal("nothing is forgotten")
	}
	if missed := r.recall(&past, last); missed > 0 {
		t.Errorf("%d missed", missed)
	}
	var got, want []string
	for _, d := range r.Take(nil) {
		for i := range d.Messages {
			got = append(got, string(d.Messages[i].Payload))
		}
		if d.Gap != nil {
			got = append(got, d.Gap.Reason)
		}
	}
	for n := each - recalled; n < 3*each; n++ {
		if want = append(want, fmt.Sprint(n)); n == each-1 {
			want = append(want, "before")
		}
	}
	want = append(want, "after")
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("got %q, want %q", got, want)
	}
	r.Close()
}
