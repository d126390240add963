package delivery

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

// While the feed is not settled, nothing begins, and what comes all the same is held and then published in order.
func TestPublisherHolds(t *testing.T) {
	s := &subscribers{}
	p := NewPublisher(message.Topics{}, s, slog.New(slog.DiscardHandler))
	accept := func(lines ...string) {
		for _, line := range lines {
			buffer := []byte(line)
			if !p.Accept(buffer) {
				t.Error("not deferrable")
			}
			clear(buffer) // it is the caller's again
		}
		p.Submit()
	}
	sent := func(want string) {
		t.Helper()
		if got := strings.Join(s.sent, " "); got != want || len(s.queued) > 0 {
			t.Errorf("sent %q, and %q is not flushed; want %q", got, s.queued, want)
		}
	}
	accept("a")
	s.missing = errors.New("tcp://x:1 has not been reached yet")
	if err := p.Ready(); !errors.Is(err, s.missing) {
		t.Errorf("ready: %v", err)
	}
	accept("b", "c")
	sent("a")
	p.Settled() // and another one has come since
	if settled, err := p.Outcome(); settled || !errors.Is(err, s.missing) || err.Error() != "2 messages not published: tcp://x:1 has not been reached yet" {
		t.Errorf("%v, %v", settled, err)
	}
	if p.Outstanding() != 2 || p.Unconfirmed() != 2 || p.Unjournaled() != 2 {
		t.Errorf("%d, %d and %d are outstanding", p.Outstanding(), p.Unconfirmed(), p.Unjournaled())
	}
	s.missing = nil
	accept("d") // not before b and c
	p.Settled()
	sent("a b c d")
	if <-p.Changed(); p.Ready() != nil {
		t.Error("not ready")
	}
	if settled, err := p.Outcome(); !settled || err != nil || p.Outstanding() > 0 {
		t.Errorf("%v, %v, %d", settled, err, p.Outstanding())
	}
	if got := p.Counters(); got != (Counters{Received: 4, Confirmed: 4}) {
		t.Errorf("counters %+v", got)
	}
}

// What was held when a failure was reported is forgotten: rsyslog sends it again.
func TestPublisherFails(t *testing.T) {
	s := &subscribers{missing: errors.New("not yet")}
	p := NewPublisher(message.Topics{}, s, slog.New(slog.DiscardHandler))
	p.Accept([]byte("a"))
	if got := p.Counters(); got != (Counters{}) { // it would have to be taken back, and a total never goes down
		t.Errorf("counters %+v while a line is held", got)
	}
	p.Failed(true)
	s.missing = nil
	p.Settled()
	p.Accept([]byte("a"))
	p.Submit()
	if !slices.Equal(s.sent, []string{"a"}) {
		t.Errorf("sent %q", s.sent)
	}
	if got := p.Counters(); got != (Counters{Received: 1, Confirmed: 1, Failed: 1}) {
		t.Errorf("counters %+v", got)
	}
}
