package web

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap/taptest"
)

func newFilter(turns turns, text string) *filter {
	return &filter{expression: regexp.MustCompile(text), cost: len(text), turns: turns}
}

// Filters take turns, each of which is a limited amount of work.
func TestFiltersTakeTurns(t *testing.T) {
	turns := make(turns, 1)
	first, second := newFilter(turns, "abc"), newFilter(turns, "a")
	check := func(f *filter, payload string, want bool) {
		t.Helper()
		if got, err := f.match(t.Context(), []byte(payload)); err != nil || got != want {
			t.Errorf("%v, %v", got, err)
		}
	}
	check(first, "xabcx", true)
	check(first, "ab", false)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := second.match(over, []byte("a")); !errors.Is(err, context.Canceled) || first.waits() || !second.waits() {
		t.Errorf("in the other's turn: %v", err)
	}
	matched := make(chan error)
	go func() {
		_, err := second.match(t.Context(), []byte("a"))
		matched <- err
	}()
	check(first, strings.Repeat("x", maxWork/len("abc")), false)
	if err := <-matched; err != nil || !first.waits() || second.waits() {
		t.Errorf("in its turn: %v", err)
	}
	second.rest()
	second.rest()
	if len(turns) > 0 {
		t.Error("it is somebody's turn")
	}
	none := &filter{turns: turns}
	turns <- struct{}{}
	check(none, "anything", true) // without a turn
	if none.waits() {
		t.Error("a reader without a filter waits")
	}
}

// watched is a reader that looks at whose turn it is while it is written to.
type watched struct {
	*httptest.ResponseRecorder
	server *Server // ends with the second write
	writes int
	taken  int // writes in somebody's turn
}

func (w *watched) Write(b []byte) (int, error) {
	if w.writes++; w.writes == 2 {
		close(w.server.quit)
	}
	w.taken += len(w.server.turns)
	return w.ResponseRecorder.Write(b)
}

// It is no filter's turn while its reader is written to, which may take long, and what was found in a turn is written
// before the next one.
func TestNoTurnWhileWriting(t *testing.T) {
	s := newServer(t)
	s.cfg.Queue, s.cfg.Stream = 100, tap.New(2<<20)
	long := strings.Repeat("x", maxWork)
	taptest.New(t).Give(s.cfg.Stream.Publish, []string{"one"}, []string{long}, []string{"two"}, []string{"three"}, []string{"four"})
	w := &watched{ResponseRecorder: httptest.NewRecorder(), server: s}
	s.stream(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/stream?last=10&grep=x%7Co", nil), anybody)
	if lines := strings.Fields(w.Body.String()); len(lines) != 4 || lines[1] != long || w.writes < 2 || w.taken > 0 {
		t.Errorf("%d lines in %d writes, %d of them in a turn", len(lines), w.writes, w.taken)
	}
	if len(s.turns) > 0 {
		t.Error("a turn has not ended")
	}
}
