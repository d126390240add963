package tap_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap/taptest"
)

// text renders deliveries: payloads, missed messages and gaps.
func text(deliveries []tap.Delivery) string {
	var words []string
	for _, d := range deliveries {
		for i := range d.Messages {
			words = append(words, fmt.Sprintf("%.8s", d.Messages[i].Payload))
		}
		if d.Missed > 0 {
			words = append(words, fmt.Sprintf("missed:%d", d.Missed))
		}
		if d.Gap != nil {
			words = append(words, "gap:"+d.Gap.Reason)
		}
	}
	return strings.Join(words, " ")
}

func expect(t *testing.T, r *tap.Reader, want string) {
	t.Helper()
	if got := text(r.Take(nil)); got != want {
		t.Errorf("took %q, want %q", got, want)
	}
}

// numbered returns messages of a topic whose payloads are numbers, padded to size bytes.
func numbered(topic string, from, end, size int) (messages [][]string) {
	for i := from; i < end; i++ {
		messages = append(messages, []string{topic, fmt.Sprint(i) + strings.Repeat(" ", max(0, size-len(fmt.Sprint(i))))})
	}
	return messages
}

// payloads returns messages of one frame each.
func payloads(words ...string) (messages [][]string) {
	for _, w := range words {
		messages = append(messages, []string{w})
	}
	return messages
}

const plenty = 1 << 30

func TestReaderGetsWhatItWants(t *testing.T) {
	s, source := tap.New(0), taptest.New(t)
	join := func(topics ...string) *tap.Reader {
		r := s.Join(tap.Interest{Topics: topics, Queue: 100, QueueBytes: plenty})
		t.Cleanup(r.Close)
		return r
	}
	all, a, both, none := join(), join("a"), join("b", "ab", "a", "a"), join("c")
	empty := join("")
	source.Give(s.Publish, []string{"a", "1"}, []string{"ab", "x", "y", "2"}, []string{"b", "3"}, []string{"abc4"}, []string{"", "5"}, []string{""})
	expect(t, all, "1 2 3 abc4 5 ")
	expect(t, empty, "1 2 3 abc4 5 ")
	expect(t, a, "1 2 abc4")
	expect(t, both, "1 2 3 abc4")
	expect(t, none, "")
	if c := s.Counters(); c.Received != 6 || c.Bytes != 2+5+2+4+1 || c.Missed != 0 || s.Readers() != 5 {
		t.Errorf("counters %+v, %d readers", c, s.Readers())
	}
	a.Close()
	a.Close()
	source.Give(s.Publish, []string{"a", "7"})
	expect(t, a, "")
	expect(t, both, "7")
	if s.Readers() != 4 {
		t.Errorf("%d readers after one was closed", s.Readers())
	}
}

func TestSlowReaderMissesWhatItIsToldOf(t *testing.T) {
	s, source := tap.New(0), taptest.New(t)
	few := s.Join(tap.Interest{Queue: 3, QueueBytes: plenty})
	small := s.Join(tap.Interest{Queue: 100, QueueBytes: 25})
	exact := s.Join(tap.Interest{Queue: 100, QueueBytes: 20})
	fast := s.Join(tap.Interest{Queue: 100, QueueBytes: plenty})
	source.Give(s.Publish, numbered("", 0, 2, 10)...)
	source.Give(s.Publish, numbered("", 2, 5, 10)...)
	expect(t, few, "0        1        2        missed:2")
	expect(t, small, "0        1        2        missed:2") // the third still found fewer than 25 bytes waiting
	expect(t, exact, "0        1        missed:3")
	exact.Close()
	source.Give(s.Publish, numbered("", 5, 6, 1000)...) // larger than any queue
	source.Give(s.Publish, numbered("", 6, 7, 1)...)
	expect(t, few, "5        6")
	expect(t, small, "5        missed:1")
	source.Give(s.Publish, numbered("", 7, 8, 1)...)
	expect(t, few, "7")
	expect(t, small, "7")
	expect(t, fast, "0        1        2        3        4        5        6 7")
	if c := s.Counters(); c.Missed != 8 {
		t.Errorf("%d are counted as missed", c.Missed)
	}
}

// What a late reader gets from the history, after the number of messages that it misses.
func TestJoinRecalls(t *testing.T) {
	const all = math.MaxInt
	tests := []struct {
		name string
		in   tap.Interest
		want string
	}{
		{"nothing", tap.Interest{Queue: all}, ""},
		{"the last", tap.Interest{Queue: all, Last: 2}, "8 9"},
		{"more than there are", tap.Interest{Queue: all, Last: all}, "0 1 2 3 4 5 6 7 8 9"},
		{"the last of a topic", tap.Interest{Queue: all, Last: 2, Topics: []string{"b"}}, "7 9"},
		{"of several", tap.Interest{Queue: all, Last: 3, Topics: []string{"b", "a", "b"}}, "7 8 9"},
		{"of an unknown topic", tap.Interest{Queue: all, Last: 3, Topics: []string{"bb"}}, ""},
		{"no more than the queue holds", tap.Interest{Queue: 2, Last: 5}, "8 9"},
		{"no more than its bytes hold", tap.Interest{Queue: all, QueueBytes: 4, Last: 5}, "8 9"},
		{"but at least one", tap.Interest{Queue: all, QueueBytes: 1, Last: 5}, "9"},
		{"resume", tap.Interest{Queue: all, Resume: true, After: 8}, "8 9"},
		{"resume, instead of the last", tap.Interest{Queue: all, Resume: true, After: 8, Last: 5}, "8 9"},
		{"resume a topic", tap.Interest{Queue: all, Resume: true, After: 7, Topics: []string{"a"}}, "8"},
		{"resume from the beginning", tap.Interest{Queue: all, Resume: true}, "0 1 2 3 4 5 6 7 8 9"},
		{"nothing is new", tap.Interest{Queue: all, Resume: true, After: 10}, ""},
		{"after the next message", tap.Interest{Queue: all, Resume: true, After: 11}, ""},
		{"after a message that will never exist", tap.Interest{Queue: all, Resume: true, After: math.MaxUint64}, ""},
		{"too much for the queue", tap.Interest{Queue: 2, Resume: true, After: 5}, "missed:3 8 9"},
		{"too many bytes", tap.Interest{Queue: all, QueueBytes: 4, Resume: true, After: 5}, "missed:3 8 9"},
		{"too much of a topic", tap.Interest{Queue: 2, Resume: true, After: 2, Topics: []string{"a"}}, "missed:2 6 8"},
	}
	s, source := tap.New(plenty), taptest.New(t)
	for i := range 10 {
		source.Give(s.Publish, []string{"ab"[i%2 : i%2+1], fmt.Sprint(i)})
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.in.QueueBytes == 0 {
				test.in.QueueBytes = plenty
			}
			r := s.Join(test.in)
			defer r.Close()
			expect(t, r, test.want)
		})
	}
}

// After a message that does not fit, no older one is taken, even a smaller one: what the reader misses comes
// before all that it gets.
func TestRecallLeavesNoHole(t *testing.T) {
	s, source := tap.New(plenty), taptest.New(t)
	source.Give(s.Publish, payloads("a", "b", strings.Repeat("c", 100), "d", "e")...)
	r := s.Join(tap.Interest{Queue: 10, QueueBytes: 50, Resume: true, After: 1})
	defer r.Close()
	expect(t, r, "missed:2 d e")
	last := s.Join(tap.Interest{Queue: 10, QueueBytes: 50, Last: 4})
	defer last.Close()
	expect(t, last, "d e")
}

// Messages that the history has forgotten count as missed.
func TestResumeBehindTheMemory(t *testing.T) {
	s, source := tap.New(1), taptest.New(t) // remembers one group of messages only
	resume := func(after uint64) *tap.Reader {
		r := s.Join(tap.Interest{Queue: 10, QueueBytes: plenty, Resume: true, After: after})
		t.Cleanup(r.Close)
		return r
	}
	expect(t, resume(0), "")
	for i := range 10 {
		source.Give(s.Publish, numbered("", i, i+1, 1)...)
	}
	expect(t, resume(0), "missed:9 9")
	expect(t, resume(7), "missed:2 9")
	expect(t, resume(9), "9")
	expect(t, resume(10), "")
	none := tap.New(0)
	source.Give(none.Publish, numbered("", 0, 5, 1)...)
	r := none.Join(tap.Interest{Queue: 10, QueueBytes: plenty, Resume: true, After: 2})
	defer r.Close()
	expect(t, r, "missed:3")
}

// Remembered messages and those published later are one sequence.
func TestRecalledThenLive(t *testing.T) {
	s, source := tap.New(plenty), taptest.New(t)
	source.Give(s.Publish, payloads("a", "b")...)
	r := s.Join(tap.Interest{Queue: 3, QueueBytes: plenty, Last: 5})
	defer r.Close()
	source.Give(s.Publish, payloads("c", "d", "e", "f")...)
	expect(t, r, "a b c d e missed:1")
}

func TestNextWaits(t *testing.T) {
	s, source := tap.New(plenty), taptest.New(t)
	source.Give(s.Publish, payloads("a")...)
	r := s.Join(tap.Interest{Queue: 10, QueueBytes: plenty, Last: 1})
	defer r.Close()
	<-r.Ready() // what was recalled
	ctx, cancel := context.WithCancel(context.Background())
	if got := r.Next(ctx, make([]tap.Delivery, 1)); len(got) != 2 || text(got) != "a" {
		t.Errorf("appended %d, %q", len(got), text(got))
	}
	taken := make(chan string)
	go func() { taken <- text(r.Next(ctx, nil)) }()
	source.Give(s.Publish, payloads("b")...)
	if got := <-taken; got != "b" {
		t.Errorf("took %q", got)
	}
	cancel()
	if got := r.Next(ctx, nil); len(got) > 0 {
		t.Errorf("took %q after the end", text(got))
	}
}

// Next blocks while there is nothing; it does not poll.
func TestNextSleeps(t *testing.T) {
	s := tap.New(0)
	synctest.Test(t, func(t *testing.T) {
		r := s.Join(tap.Interest{Queue: 10, QueueBytes: plenty})
		defer r.Close()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan bool)
		go func() { ended <- len(r.Next(ctx, nil)) == 0 }()
		synctest.Wait() // returns when Next is blocked
		cancel()
		if !<-ended {
			t.Error("took something")
		}
	})
}

func TestInterestStaysTheCallers(t *testing.T) {
	s := tap.New(0)
	topics := []string{"b", "a", "b"}
	r := s.Join(tap.Interest{Topics: topics, Queue: 1})
	defer r.Close()
	if !slices.Equal(topics, []string{"b", "a", "b"}) {
		t.Errorf("changed to %q", topics)
	}
}
