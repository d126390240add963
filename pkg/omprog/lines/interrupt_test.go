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

// A writer that never pauses does not delay an interruption.
func TestInterruptUnderLoad(t *testing.T) {
	in, out := pipe(t)
	r := newReader(t, in, 10)
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				feed(out, "a\nb\n")
			}
		}
	}()
	wantLine(t, r, "a", 0)
	go r.Interrupt()
	for err := error(nil); err != ErrInterrupted; _, _, err = r.Next(spin, time.Time{}) {
		if err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	for ended := false; !ended; {
		select {
		case <-done:
			ended = true
		default:
			r.TryNext(0)
		}
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
