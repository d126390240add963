package budget

import (
	"context"
	"math"
	"runtime/debug"
	"testing"
	"time"
)

// The runtime learns of the budget. A smaller limit of the environment's stays.
func TestRuntimeLimit(t *testing.T) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(-1))
	b := New(Default, 16<<20)
	for before, want := range map[int64]int64{math.MaxInt64: Default + Default/4 + 16<<20, 64 << 20: 64 << 20} {
		debug.SetMemoryLimit(before)
		b.Govern(t.Context())
		if got := debug.SetMemoryLimit(-1); got != want {
			t.Errorf("the limit is %d, want %d", got, want)
		}
	}
	if small, large := b.limitFor(30<<20), b.limitFor(1<<30); small != b.limitFor(0) || large < 1<<30+Default {
		t.Errorf("with large transactions the limit is %d and %d", small, large)
	}
}

var held []byte

// Memory goes back to the system when it is no longer used, and none is asked for meanwhile.
func TestMemoryGoesBack(t *testing.T) {
	const burst = 200 << 20
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // no collection by itself
	held = make([]byte, burst)
	for i := 0; i < len(held); i += 4096 {
		held[i] = 1
	}
	before, _, _ := memory()
	held = nil
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go New(Default, 0).govern(ctx, time.Millisecond, 0)
	for deadline := time.Now().Add(20 * time.Second); ; <-time.After(time.Millisecond) {
		if after, _, _ := memory(); after < before-burst/2 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("it stays")
		}
	}
}
