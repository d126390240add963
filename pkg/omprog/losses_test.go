package omprog

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// The first loss is logged at once, and those of the next second together.
func TestLosses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		l := &Losses{Logger: slog.New(slog.NewTextHandler(&text, nil))}
		expect := func(want ...string) {
			t.Helper()
			synctest.Wait()
			l.mu.Lock()
			defer l.mu.Unlock()
			got := strings.Count(text.String(), "messages lost")
			for _, w := range want {
				if !strings.Contains(text.String(), w) {
					t.Errorf("%q is not in %q", w, text.String())
				}
			}
			if got != len(want) {
				t.Errorf("%d lines, want %d", got, len(want))
			}
			text.Reset()
		}
		l.Add("no")
		expect("messages=1 reason=no")
		l.Add("no")
		l.Add("never")
		expect()
		time.Sleep(lossInterval)
		expect("messages=2 reason=never")
		time.Sleep(2 * lossInterval)
		expect()
		l.Add("again")
		expect("messages=1 reason=again")
		time.Sleep(lossInterval)
		expect()
	})
}
