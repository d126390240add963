package trouble

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/log"
)

// newReporter returns a reporter and a function that returns how many lines it has logged since the last call.
func newReporter() (*Reporter, func() int) {
	var text bytes.Buffer
	return &Reporter{Log: log.Limited{Logger: slog.New(slog.NewTextHandler(&text, nil))}, Name: "redis"}, func() int {
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
		away := errors.New("away")
		for range 3 {
			r.Waiting("away", away, false)
		}
		if n := lines(); n != 1 {
			t.Errorf("%d lines, want the reason once", n)
		}
		r.Waiting("OOM", away, false)
		if n := lines(); n != 1 {
			t.Errorf("%d lines, want the other reason", n)
		}
		r.Stored(nil)
		if n := lines(); n != 1 {
			t.Errorf("%d lines, want the end", n)
		}
		r.Waiting("FULL", away, true)
		r.Waiting("OOM", away, false)
		r.Stored(nil)
		if n := lines(); n != 0 {
			t.Errorf("%d lines within a minute, want none", n)
		}
		time.Sleep(Pause)
		r.Waiting("OOM", away, false)
		if n := lines(); n != 1 {
			t.Errorf("%d lines after a minute, want the reason", n)
		}
	})
}

func TestReporterRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, lines := newReporter()
		reason := errors.New("it holds something else")
		r.Refused("WRONGTYPE", "a", reason)
		r.Refused("WRONGTYPE", "a", reason)
		if n := lines(); n != 1 {
			t.Errorf("%d lines, want the reason once", n)
		}
		r.Refused("WRONGTYPE", "b", reason)
		if n := lines(); n != 1 {
			t.Errorf("%d lines, want the other key's", n)
		}
		r.Stored([]byte("a"))
		if n := lines(); n != 0 {
			t.Errorf("%d lines, although key b is still refused", n)
		}
		time.Sleep(Pause)
		r.Refused("WRONGTYPE", "b", reason)
		if n := lines(); n != 1 {
			t.Errorf("%d lines after a minute, want the reason again", n)
		}
		r.Stored([]byte("b"))
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
		reason := errors.New("it is wrong")
		for range 1000 {
			r.Refused("WRONGTYPE", "a", reason)
			r.Refused("WRONGTYPE", "b", reason)
			r.Refused("TOOLONG", "", reason)
			r.Stored([]byte("c"))
		}
		if n := lines(); n != log.Burst {
			t.Errorf("%d lines for 3000 refusals", n)
		}
	})
}
