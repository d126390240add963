package tap_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap/taptest"
)

// What a reader has given back is used for later messages, of whatever size, and for nothing else.
func TestReturn(t *testing.T) {
	s, source := tap.New(0), taptest.New(t)
	r := s.Join(tap.Interest{Queue: 1000, QueueBytes: plenty, Returns: true})
	defer r.Close()
	for n := range 20 {
		var messages [][]string
		for i := range 100 {
			m := []string{fmt.Sprint("topic", n, i), strings.Repeat(fmt.Sprint(n, i, " "), n*n)}
			if i%40 == n {
				m = []string{"topic", "between", m[1]}
			}
			messages = append(messages, m)
		}
		source.Give(s.Publish, messages...)
		taken := r.Take(nil)
		i := 0
		for _, d := range taken {
			for j := range d.Messages {
				m, want := &d.Messages[j], messages[i]
				if string(m.Topic) != want[0] || string(m.Payload) != want[len(want)-1] || len(m.Frames) != len(want)-2 {
					t.Fatalf("round %d, message %d: %.40q with topic %q", n, i, m.Payload, m.Topic)
				}
				i++
			}
		}
		if i != len(messages) {
			t.Fatalf("round %d: %d messages", n, i)
		}
		r.Return(taken)
		if taken[0].Messages != nil {
			t.Error("what was given back is not cleared")
		}
	}
}

// The messages of a reader that gives nothing back stay, beside one that does; and after it.
func TestReturnWithOtherReaders(t *testing.T) {
	s, source := tap.New(0), taptest.New(t)
	returns := s.Join(tap.Interest{Queue: 1000, QueueBytes: plenty, Returns: true})
	keeps := s.Join(tap.Interest{Queue: 1000, QueueBytes: plenty})
	defer keeps.Close()
	source.Give(s.Publish, numbered("t", 0, 100, 0)...)
	kept := keeps.Take(nil)
	want := text(kept)
	returns.Return(returns.Take(nil))
	returns.Close()
	source.Give(s.Publish, numbered("t", 100, 200, 0)...)
	if got := text(kept); got != want {
		t.Errorf("the messages have become %q", got)
	}
}

// What a full reader has no room for counts as missed, in its place, and as received.
func TestFullReaders(t *testing.T) {
	s, source := tap.New(0), taptest.New(t)
	a := s.Join(tap.Interest{Topics: []string{"a"}, Queue: 3, QueueBytes: plenty})
	defer a.Close()
	ab := s.Join(tap.Interest{Topics: []string{"a", "b"}, Queue: 2, QueueBytes: plenty})
	defer ab.Close()
	source.Give(s.Publish, numbered("a", 0, 5, 10)...)
	source.Give(s.Publish, append(numbered("b", 5, 7, 10), numbered("c", 7, 9, 10)...)...)
	source.Give(s.Publish, numbered("a", 9, 10, 10)...)
	if c := s.Counters(); c.Received != 10 || c.Bytes != 110 || c.Missed != 3+6 {
		t.Errorf("counters %+v", c)
	}
	s.Report(tap.Gap{Reason: "lost"})
	expect(t, a, "0        1        2        missed:3 gap:lost")
	source.Give(s.Publish, numbered("a", 10, 11, 0)...)
	expect(t, a, "10")
	expect(t, ab, "0        1        missed:7 gap:lost")
	source.Give(s.Publish, numbered("b", 11, 12, 0)...)
	expect(t, ab, "11")
	source.Give(s.Publish, numbered("a", 12, 13, 0)...)
	a.Take(nil)
	if id := ab.Take(nil)[0].Messages[0].ID; id != 13 {
		t.Errorf("the number is %d, want 13", id)
	}
}
