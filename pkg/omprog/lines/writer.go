package lines

import (
	"errors"
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ErrNotRead says that a reply found no room for Stall: whoever should read the replies does not.
var ErrNotRead = errors.New("the reply is not being read")

// Stall is how long a Write waits for room, omprog's default confirmTimeout.
const Stall = 10 * time.Second

// Writer writes replies to a descriptor, one write(2) each. It is for one goroutine at a time.
type Writer struct {
	fd      int
	direct  bool
	restore bool
	polled  [1]unix.PollFd
}

// NewWriter sets a pipe or socket non-blocking until Close; fd stays the caller's.
func NewWriter(fd int) (*Writer, error) {
	direct, restore, err := unblock(fd)
	if err != nil {
		return nil, fmt.Errorf("write replies to descriptor %d: %w", fd, err)
	}
	return &Writer{fd: fd, direct: direct, restore: restore}, nil
}

// Close gives the descriptor its blocking mode back and does not close it.
func (w *Writer) Close() error {
	err := reblock(w.fd, w.restore)
	w.restore = false
	return err
}

// Write writes all of b, in one write(2) where the descriptor takes it whole, and keeps no hold of it. Errors are
// write(2)'s (errors.Is(err, unix.EPIPE): the reader is gone) and ErrNotRead.
func (w *Writer) Write(b []byte) (int, error) {
	done := 0
	for done < len(b) {
		n, errno := w.write(b[done:])
		switch errno {
		case 0:
			done += n
		case unix.EINTR:
		case unix.EAGAIN:
			if err := w.wait(); err != nil {
				return done, err
			}
		default:
			return done, fmt.Errorf("write a reply to descriptor %d: %w", w.fd, errno)
		}
	}
	return done, nil
}

func (w *Writer) write(b []byte) (int, unix.Errno) {
	if w.direct { // it does not block, so it may bypass the scheduler
		n, _, errno := unix.RawSyscall(unix.SYS_WRITE, uintptr(w.fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
		return int(n), errno
	}
	n, err := unix.Write(w.fd, b)
	errno, _ := err.(unix.Errno)
	return n, errno
}

func (w *Writer) wait() error {
	w.polled[0] = unix.PollFd{Fd: int32(w.fd), Events: unix.POLLOUT}
	n, err := unix.Poll(w.polled[:], int(Stall/time.Millisecond))
	switch {
	case err == unix.EINTR:
		return nil
	case err != nil:
		return fmt.Errorf("wait for room on descriptor %d: %w", w.fd, err)
	case n == 0:
		return fmt.Errorf("write a reply to descriptor %d: no room for %v: %w", w.fd, Stall, ErrNotRead)
	}
	return nil
}
