package redis

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/log"
)

// newReporter returns a reporter and a function that returns how many lines it has logged since the last call.
func newReporter() (*reporter, func() int) {
	var text bytes.Buffer
	return &reporter{log: log.Limited{Logger: slog.New(slog.NewTextHandler(&text, nil))}}, func() int {
		n := strings.Count(text.String(), "\n")
		text.Reset()
		return n
	}
}

// One reason is logged once while it lasts, and once a minute when it comes and goes.
func TestReporterWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, lines := newReporter()
		away := &fault{code: codeAway}
		for range 3 {
			r.waiting(away)
		}
		if n := lines(); n != 1 {
			t.Errorf("%d lines, want the reason once", n)
		}
		r.waiting(&fault{code: "OOM"})
		if n := lines(); n != 1 {
			t.Errorf("%d lines, want the other reason", n)
		}
		r.stored(nil)
		if n := lines(); n != 1 {
			t.Errorf("%d lines, want the end", n)
		}
		r.waiting(&fault{code: "OOM"})
		r.stored(nil)
		if n := lines(); n != 0 {
			t.Errorf("%d lines within a minute, want none", n)
		}
		time.Sleep(reportPause)
		r.waiting(&fault{code: "OOM"})
		if n := lines(); n != 1 {
			t.Errorf("%d lines after a minute, want the reason", n)
		}
	})
}

// A full list is logged only if it stays full, and short gaps do not end that.
func TestReporterFull(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, lines := newReporter()
		for range 20 { // full for a moment, periodically
			r.waiting(full)
			r.stored(nil)
			time.Sleep(fullSpell + time.Millisecond)
		}
		if n := lines(); n != 0 {
			t.Errorf("%d lines for a list that is full periodically", n)
		}
		for begin := time.Now(); time.Since(begin) < fullQuiet; time.Sleep(time.Second) {
			r.waiting(full)
			r.stored(nil)
		}
		if n := lines(); n != 0 {
			t.Errorf("%d lines within %v", n, fullQuiet)
		}
		r.waiting(full)
		if n := lines(); n != 1 {
			t.Errorf("%d lines for a list that stays full, want 1", n)
		}
	})
}

func TestReporterRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, lines := newReporter()
		a, b := &fault{code: "WRONGTYPE", key: "a"}, &fault{code: "WRONGTYPE", key: "b"}
		r.refused(a)
		r.refused(a)
		if n := lines(); n != 1 {
			t.Errorf("%d lines, want the reason once", n)
		}
		r.refused(b)
		if n := lines(); n != 1 {
			t.Errorf("%d lines, want the other key's", n)
		}
		r.stored([]byte("a"))
		if n := lines(); n != 0 {
			t.Errorf("%d lines, although key b is still refused", n)
		}
		time.Sleep(reportPause)
		r.refused(b)
		if n := lines(); n != 1 {
			t.Errorf("%d lines after a minute, want the reason again", n)
		}
		r.stored([]byte("b"))
		if n := lines(); n != 1 {
			t.Errorf("%d lines, want the end", n)
		}
	})
}

// A sender that names another key that refuses each time does not fill the log, nor one that has every other message
// refused.
func TestReporterIsLimited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, lines := newReporter()
		for range 1000 {
			r.refused(&fault{code: "WRONGTYPE", key: "a"})
			r.refused(&fault{code: "WRONGTYPE", key: "b"})
			r.refused(&fault{code: "TOOLONG"})
			r.stored([]byte("c"))
		}
		if n := lines(); n != log.Burst {
			t.Errorf("%d lines for 3000 refusals", n)
		}
	})
}
