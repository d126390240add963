package terminal

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/descriptor"
)

// ErrClosed is returned when the output's reader has gone, as after `| head`, or when a terminal was
// closed. It is a normal end.
var ErrClosed = errors.New("the output is closed: its reader is gone")

// Writer writes to standard output. An os.File does not suffice for that: its Write kills the process with
// SIGPIPE when the reader of descriptor 1 has gone, and fails with EAGAIN when a process that shares the
// terminal or pipe has made it non-blocking. It is for one goroutine at a time.
type Writer struct {
	file *os.File
}

// NewWriter returns a Writer to file, which stays the caller's.
func NewWriter(file *os.File) *Writer {
	return &Writer{file: file}
}

// Write writes all of b, waits for a slow reader as long as it takes, and does not retain b. The error is
// ErrClosed, or that of write(2).
func (w *Writer) Write(b []byte) (n int, err error) {
	err = descriptor.Control(w.file, func(fd int) (err error) {
		n, err = descriptor.Write(fd, b, descriptor.Forever)
		if err == unix.EIO && descriptor.HungUp(fd) { // a terminal that has gone; otherwise EIO is a broken disk's
			err = unix.EPIPE
		}
		return err
	})
	switch {
	case errors.Is(err, unix.EPIPE):
		return n, ErrClosed
	case err != nil:
		return n, fmt.Errorf("write to %s: %w", w.file.Name(), err)
	}
	return n, nil
}

// Closed returns a channel that is closed when the reader of a pipe or the terminal has gone, even while
// there is nothing to write. For other files it is never closed. The goroutine that waits for it ends with
// the program.
func (w *Writer) Closed() <-chan struct{} {
	closed := make(chan struct{})
	go func() {
		err := descriptor.Control(w.file, func(fd int) error {
			fds := [...]unix.PollFd{{Fd: int32(fd)}} // no events: only errors and hang-ups are reported
			_, err := descriptor.Poll(fds[:], descriptor.Forever)
			return err
		})
		if err == nil {
			close(closed)
		}
	}()
	return closed
}
