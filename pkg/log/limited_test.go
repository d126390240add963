package log

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// lines is what was logged. It is for one goroutine.
type lines struct{ bytes.Buffer }

func (l *lines) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

func (l *lines) count(text string) int { return strings.Count(l.String(), text) }

// A burst is logged, then one line a second; each line reports how many were left out. Silence allows another
// burst.
func TestLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out lines
		limited := Limited{Logger: out.logger()}
		lines := 0
		logs := func(attempts, want int) {
			t.Helper()
			for range attempts {
				limited.Write(slog.LevelWarn, "something")
			}
			if n := out.count("something") - lines; n != want {
				t.Errorf("%d lines of %d, want %d", n, attempts, want)
			}
			lines = out.count("something")
		}
		logs(100, Burst)
		time.Sleep(time.Second - 1)
		logs(5, 0)
		time.Sleep(time.Nanosecond)
		logs(5, 1)
		if out.count("suppressed=95") != 1 {
			t.Error("it is not logged how many were left out")
		}
		time.Sleep(3 * time.Second)
		logs(5, 3)
		time.Sleep(time.Hour)
		logs(100, Burst)
	})
}

// Lines below the logger's level do not count.
func TestLimitedIgnoresSilentLevels(t *testing.T) {
	var out lines
	limited := Limited{Logger: out.logger()}
	for range 100 {
		limited.Write(slog.LevelDebug, "a detail")
	}
	if limited.Write(slog.LevelWarn, "something"); out.count("something") != 1 || out.count("suppressed") != 0 {
		t.Error("silent lines have used up the burst")
	}
}
