package descriptor

import (
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func newWaker(t *testing.T) *Waker {
	t.Helper()
	w, err := NewWaker()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

func expectWoken(t *testing.T, w *Waker, want bool) {
	t.Helper()
	fds := []unix.PollFd{w.PollFd()}
	if ready, err := Poll(fds, 0); w.Woken() != want || (ready == 1) != want || err != nil {
		t.Errorf("woken %v, readable %v, %v; want %v", w.Woken(), ready == 1, err, want)
	}
}

func TestWaker(t *testing.T) {
	w := newWaker(t)
	expectWoken(t, w, false)
	w.Reset() // does not block
	for range 2 {
		w.Wake()
		expectWoken(t, w, true)
		w.Wake()
		expectWoken(t, w, true)
		w.Reset()
		expectWoken(t, w, false)
	}
}

func TestWakerClosed(t *testing.T) {
	w := newWaker(t)
	fd := w.fd
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != unix.EBADF {
		t.Errorf("the eventfd after Close: %v", err)
	}
	other := newWaker(t) // takes the number
	w.Wake()
	expectWoken(t, other, false)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	expectWoken(t, other, false)
}

// Whether Wake or Poll is first, Poll returns.
func TestWakersRace(t *testing.T) {
	w := newWaker(t)
	for range 500 {
		var waking sync.WaitGroup
		for range 2 {
			waking.Go(w.Wake)
		}
		for !w.Woken() {
			fds := []unix.PollFd{w.PollFd()}
			if ready, err := Poll(fds, 20*time.Second); ready != 1 || err != nil {
				t.Fatal("not woken", err)
			}
		}
		w.Reset()
		waking.Wait()
		w.Reset()
	}
	expectWoken(t, w, false)
}
