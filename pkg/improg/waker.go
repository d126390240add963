package improg

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// waker ends a poll(2) from outside: its descriptor is readable from wake until reset.
type waker struct {
	r, w *os.File
	fd   int32 // of r
}

func newWaker() (*waker, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("create a pipe: %w", err)
	}
	fd, err := descriptor(r)
	if err != nil {
		return nil, err
	}
	return &waker{r: r, w: w, fd: fd}, nil
}

// wake may be called by any goroutine, also after close.
func (w *waker) wake() { w.w.Write([]byte{0}) }

// reset is for the goroutine that polls.
func (w *waker) reset() {
	var b [64]byte
	unix.Read(int(w.fd), b[:]) // never blocks: the runtime made it non-blocking
}

func (w *waker) close() {
	w.r.Close()
	w.w.Close()
}

// descriptor returns the file's descriptor without changing its mode, as File.Fd would. It is valid
// while the file is open.
func descriptor(f *os.File) (fd int32, err error) {
	raw, err := f.SyscallConn()
	if err == nil {
		err = raw.Control(func(n uintptr) { fd = int32(n) })
	}
	if err != nil {
		return -1, fmt.Errorf("%s: %w", f.Name(), err)
	}
	return fd, nil
}

// poll waits until one of fds is ready or timeout milliseconds (-1: for ever) have passed.
func poll(fds []unix.PollFd, timeout int) error {
	for {
		if _, err := unix.Poll(fds, timeout); err != unix.EINTR {
			return err
		}
	}
}
