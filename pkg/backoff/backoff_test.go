package backoff

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"
)

func TestNextDoublesUpToMax(t *testing.T) {
	b := Backoff{First: 100 * time.Millisecond, Max: time.Second}
	for round := range 2 {
		for i, step := range []time.Duration{100, 200, 400, 800, 1000, 1000} {
			step *= time.Millisecond
			if got := b.Next(); got < step/2 || got > step {
				t.Errorf("round %d, attempt %d: %v, want %v to %v", round, i, got, step/2, step)
			}
		}
		b.Reset()
	}
}

// A thousand senders spread over the whole range.
func TestNextIsJittered(t *testing.T) {
	least, most := time.Hour, time.Duration(0)
	for range 1000 {
		b := Backoff{First: time.Second, Max: time.Minute}
		wait := b.Next()
		least, most = min(least, wait), max(most, wait)
	}
	if least > 600*time.Millisecond || most < 900*time.Millisecond {
		t.Errorf("waits from %v to %v", least, most)
	}
}

func TestFirstAboveMax(t *testing.T) {
	b := Backoff{First: time.Minute, Max: time.Second}
	if got := b.Next(); got > time.Second {
		t.Errorf("waits %v", got)
	}
}

func TestLongestWaitsDoNotOverflow(t *testing.T) {
	b := Backoff{First: math.MaxInt64 / 3, Max: math.MaxInt64}
	for range 5 {
		if got := b.Next(); got < math.MaxInt64/6 {
			t.Errorf("waits %v", got)
		}
	}
}

func TestWaitEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := Backoff{First: time.Hour, Max: time.Hour}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if b.Wait(ctx) {
			t.Error("waited to the end")
		}
		if !b.Wait(context.Background()) {
			t.Error("did not wait to the end")
		}
	})
}
