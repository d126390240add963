package lines

import (
	"errors"
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/descriptor"
)

// ErrNotRead is returned when a reply has found no room for the longest wait: the program that should read
// the replies does not.
var ErrNotRead = errors.New("the reply is not being read")

// Writer writes replies to a descriptor, one write(2) each. It is for one goroutine at a time.
type Writer struct {
	fd          int
	longestWait time.Duration
	nonblocking bool
	restore     func() error // gives fd its blocking mode back
}

// NewWriter sets a pipe or socket non-blocking until Close; fd stays the caller's. A Write that has found no room for
// longestWait fails.
func NewWriter(fd int, longestWait time.Duration) (*Writer, error) {
	nonblocking, restore, err := descriptor.Unblock(fd)
	if err != nil {
		return nil, fmt.Errorf("write replies to descriptor %d: %w", fd, err)
	}
	return &Writer{fd: fd, longestWait: longestWait, nonblocking: nonblocking, restore: restore}, nil
}

// Close gives the descriptor its blocking mode back and does not close it. Further calls do nothing.
func (w *Writer) Close() error { return w.restore() }

// Write writes all of b, in one write(2) where the descriptor takes it whole, and does not retain b. Errors
// are those of write(2) (errors.Is(err, unix.EPIPE): the reader is gone) and ErrNotRead.
func (w *Writer) Write(b []byte) (int, error) {
	n := w.tryWrite(b)
	if n == len(b) {
		return n, nil
	}
	m, err := descriptor.Write(w.fd, b[n:], w.longestWait)
	switch {
	case err == unix.EAGAIN:
		err = fmt.Errorf("write a reply to descriptor %d: no room for %v: %w", w.fd, w.longestWait, ErrNotRead)
	case err != nil:
		err = fmt.Errorf("write a reply to descriptor %d: %w", w.fd, err)
	}
	return n + m, err
}

// tryWrite returns how much of b one write(2) took, 0 if it failed or could block. It may bypass the scheduler.
func (w *Writer) tryWrite(b []byte) int {
	if !w.nonblocking || len(b) == 0 {
		return 0
	}
	n, _, errno := unix.RawSyscall(unix.SYS_WRITE, uintptr(w.fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
	if errno != 0 {
		return 0
	}
	return int(n)
}
