package listen

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// busy is an address that cannot be listened at for the first attempts.
type busy struct {
	failures, attempts int
	began              time.Time
	last               time.Duration // when the last attempt was made
}

var errBusy = errors.New("busy")

func (b *busy) listen() error {
	b.attempts++
	b.last = time.Since(b.began)
	if b.attempts <= b.failures {
		return errBusy
	}
	return nil
}

func try(ctx context.Context, limit time.Duration, failures int) (b *busy, log string, err error) {
	var out bytes.Buffer
	b = &busy{failures: failures, began: time.Now()}
	logger := slog.New(slog.NewTextHandler(&out, nil))
	err = Patience{Limit: limit, First: time.Second, Max: time.Minute, Logger: logger}.Try(ctx, "there", b.listen)
	return b, out.String(), err
}

// Without a limit the address is tried once. With one it is tried until it is free or the limit has passed, with waits
// that double, and for the last time at the limit. Without an end it is tried without end.
func TestPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const often = 1 << 20
		if b, log, err := try(t.Context(), 0, often); !errors.Is(err, errBusy) || b.attempts != 1 || log != "" {
			t.Errorf("no limit: %v after %d attempts, logged %q", err, b.attempts, log)
		}
		b, log, err := try(t.Context(), 10*time.Second, often)
		if !errors.Is(err, errBusy) || b.last != 10*time.Second {
			t.Errorf("10s: %v, the last attempt after %v", err, b.last)
		}
		if b.attempts < 5 || b.attempts > 9 { // waits of 1, 2, 4 s, each less up to a half of jitter
			t.Errorf("%d attempts in 10s", b.attempts)
		}
		if strings.Count(log, "will go on trying") != 1 || !strings.Contains(log, "endpoint=there reason=busy") {
			t.Errorf("logged %q", log)
		}
		if b, _, err := try(t.Context(), 10*time.Second, 3); err != nil || b.attempts != 4 {
			t.Errorf("free after 3 attempts: %v after %d", err, b.attempts)
		}
		if b, _, err := try(t.Context(), ForEver, 100_000); err != nil || b.last < 24*time.Hour {
			t.Errorf("for ever: %v after %v", err, b.last)
		}
	})
}

// The end of the context ends the waiting.
func TestPatienceEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		began := time.Now()
		if _, _, err := try(ctx, ForEver, 1<<20); !errors.Is(err, errBusy) || time.Since(began) != time.Hour {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}
