package terminal

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// ErrClosed says that nobody reads the output any more, as after `| head`, or when a terminal was closed: a normal end.
var ErrClosed = errors.New("the output is closed: its reader is gone")

// Writer writes to standard output. What os.File lacks for that: its Write kills the process by SIGPIPE when the reader of
// descriptor 1 is gone, and it fails with EAGAIN when somebody who shares the terminal or pipe made it non-blocking later.
// It is for one goroutine at a time.
type Writer struct {
	file   *os.File
	polled [1]unix.PollFd
}

// NewWriter makes a Writer to file, which stays the caller's.
func NewWriter(file *os.File) *Writer {
	return &Writer{file: file}
}

// Write writes all of b, waits for a slow reader as long as it takes, and keeps no hold of b. The error is ErrClosed, or
// write(2)'s.
func (w *Writer) Write(b []byte) (int, error) {
	done := 0
	err := control(w.file, func(fd int) error {
		for done < len(b) {
			n, err := unix.Write(fd, b[done:])
			if err == unix.EAGAIN {
				w.polled[0] = unix.PollFd{Fd: int32(fd), Events: unix.POLLOUT}
				_, err = unix.Poll(w.polled[:], -1)
			}
			if err != nil && err != unix.EINTR {
				return closed(fd, err)
			}
			done += max(n, 0)
		}
		return nil
	})
	switch {
	case errors.Is(err, unix.EPIPE):
		return done, ErrClosed
	case err != nil:
		return done, fmt.Errorf("write to %s: %w", w.file.Name(), err)
	}
	return done, nil
}

// closed is the error of a write, and EPIPE for that to a terminal that is gone, which is EIO as a broken disk's is.
func closed(fd int, err error) error {
	polled := [1]unix.PollFd{{Fd: int32(fd)}}
	if err != unix.EIO {
		return err
	}
	if n, _ := unix.Poll(polled[:], 0); n > 0 && polled[0].Revents&unix.POLLHUP != 0 {
		return unix.EPIPE
	}
	return err
}

// Closed returns a channel that is closed when the reader of a pipe is gone, or a terminal: also while there is nothing to write. What is
// neither never closes it. The goroutine behind it ends with the program.
func (w *Writer) Closed() <-chan struct{} {
	closed := make(chan struct{})
	go func() {
		gone := false
		err := control(w.file, func(fd int) error {
			for {
				polled := [1]unix.PollFd{{Fd: int32(fd)}} // without a wish, poll reports errors and hang-ups alone
				n, err := unix.Poll(polled[:], -1)
				if err != unix.EINTR {
					gone = n > 0 && polled[0].Revents&(unix.POLLERR|unix.POLLHUP) != 0
					return err
				}
			}
		})
		if err == nil && gone {
			close(closed)
		}
	}()
	return closed
}
