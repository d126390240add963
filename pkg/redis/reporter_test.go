package redis

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A full list is logged only if it stays full, and short gaps do not end that.
func TestReporterFull(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		r := newReporter(slog.New(slog.NewTextHandler(&text, nil)), nil)
		lines := func() int { return strings.Count(text.String(), "\n") }
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
