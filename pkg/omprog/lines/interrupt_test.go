package lines

import (
	"testing"
	"time"
)

func TestInterrupt(t *testing.T) {
	in, out := pipe(t)
	r := newReader(t, in, 10)
	go r.Interrupt()
	wantError(t, r, ErrInterrupted, time.Time{}) // before or during the wait
	wantError(t, r, ErrDeadline, time.Now().Add(time.Millisecond))

	write(t, out, "a\nb\n")
	wantLine(t, r, "a", 0)
	r.Interrupt()
	r.Interrupt()
	wantLine(t, r, "b", 0) // lines in the buffer are returned first
	wantError(t, r, ErrInterrupted, time.Time{})
	wantError(t, r, ErrDeadline, time.Now().Add(time.Millisecond))
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	r.Interrupt()
}

// An interruption is reported before more is read: a writer that never pauses does not delay it.
func TestInterruptUnderLoad(t *testing.T) {
	in, out := pipe(t)
	r := newReader(t, in, 10)
	write(t, out, "a\n")
	wantLine(t, r, "a", 0)
	write(t, out, "b\n")
	r.Interrupt()
	if line, _, err := r.TryNext(0); err != ErrInterrupted {
		t.Fatalf("line %q, %v; want the interruption", line, err)
	}
	wantLine(t, r, "b", 0)
}

// An interruption ends a spin.
func TestInterruptSpin(t *testing.T) {
	in, _ := pipe(t)
	r := newReader(t, in, 10)
	r.oneCPU = false
	go r.Interrupt()
	if line, _, err := r.Next(time.Hour, time.Time{}); err != ErrInterrupted {
		t.Fatalf("line %q, %v; want the interruption", line, err)
	}
}

func TestInterruptsRace(t *testing.T) {
	in, _ := pipe(t)
	r := newReader(t, in, 10)
	for range 500 {
		go r.Interrupt()
		wantError(t, r, ErrInterrupted, time.Time{})
	}
}
