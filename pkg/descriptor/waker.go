package descriptor

import (
	"fmt"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Waker ends a Poll from another goroutine: an eventfd that is readable from Wake to Reset.
type Waker struct {
	woken atomic.Bool

	mu    sync.Mutex // woken and fd's counter change together
	fd    int        // -1 once closed
	count [8]byte    // scratch: what is written to fd and read from it
}

// NewWaker returns a Waker that must be closed.
func NewWaker() (*Waker, error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("create an eventfd: %w", err)
	}
	return &Waker{fd: fd}, nil
}

// PollFd is the Waker's entry in a Poll.
func (w *Waker) PollFd() unix.PollFd { return unix.PollFd{Fd: int32(w.fd), Events: unix.POLLIN} }

// Wake may be called from any goroutine, even after Close. It never blocks.
func (w *Waker) Wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.woken.Store(true)
	if w.fd >= 0 {
		w.count = [8]byte{1}         // more than 0 in either byte order
		unix.Write(w.fd, w.count[:]) //nolint:errcheck // fails only when the counter is full, and then fd is readable
	}
}

// Woken reports whether Wake was called since the last Reset. It makes no system call.
func (w *Waker) Woken() bool { return w.woken.Load() }

// Reset is for the goroutine that polls. Look for what Wake announces after Reset, not before, or a Wake in
// between is lost.
func (w *Waker) Reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	unix.Read(w.fd, w.count[:]) //nolint:errcheck // EAGAIN: it was not woken
	w.woken.Store(false)
}

// Close may be called more than once. No Poll or Reset may be under way.
func (w *Waker) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fd < 0 {
		return nil
	}
	fd := w.fd
	w.fd = -1
	return unix.Close(fd)
}
