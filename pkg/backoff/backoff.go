// Package backoff computes how long to wait before the next attempt: twice as long after each failure, up to a
// limit, with jitter, so that a thousand senders do not return to a receiver at the same moment.
package backoff

import (
	"context"
	"math/rand/v2"
	"time"
)

// Backoff is the state of one series of attempts. Its zero value does not wait. Only one goroutine may use it.
type Backoff struct {
	First, Max time.Duration // the first and the longest wait
	next       time.Duration
}

// Next returns how long to wait after one more failure: between half of the current step and all of it.
func (b *Backoff) Next() time.Duration {
	if b.next == 0 {
		b.next = min(b.First, b.Max)
	}
	step := b.next
	b.next = b.Max
	if step < b.Max/2 {
		b.next = 2 * step
	}
	if step <= 0 {
		return 0
	}
	return step/2 + rand.N(step/2+1)
}

// Reset starts again from First, after an attempt that succeeded.
func (b *Backoff) Reset() {
	b.next = 0
}

// Wait waits for the time that Next returns. It returns false if ctx ended first.
func (b *Backoff) Wait(ctx context.Context) bool {
	timer := time.NewTimer(b.Next())
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
