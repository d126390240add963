package zmq

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

// A burst is logged, then one line a second; each line reports how many were left out. Silence allows another
// burst.
func TestLimitedLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logged
		limited := limitedLog{logger: log.logger()}
		lines := 0
		logs := func(attempts, want int) {
			t.Helper()
			for range attempts {
				limited.write(slog.LevelWarn, "something")
			}
			if n := log.count("something") - lines; n != want {
				t.Errorf("%d lines of %d, want %d", n, attempts, want)
			}
			lines = log.count("something")
		}
		logs(100, burst)
		time.Sleep(time.Second - 1)
		logs(5, 0)
		time.Sleep(time.Nanosecond)
		logs(5, 1)
		if log.count("suppressed=95") != 1 {
			t.Error("it is not logged how many were left out")
		}
		time.Sleep(3 * time.Second)
		logs(5, 3)
		time.Sleep(time.Hour)
		logs(100, burst)
	})
}

// Lines below the logger's level do not count.
func TestLimitedLogIgnoresSilentLevels(t *testing.T) {
	var log logged
	limited := limitedLog{logger: log.logger()}
	for range 100 {
		limited.write(slog.LevelDebug, "a detail")
	}
	if limited.write(slog.LevelWarn, "something"); log.count("something") != 1 || log.count("suppressed") != 0 {
		t.Error("silent lines have used up the burst")
	}
}
