// Package descriptor reads, writes and waits for file descriptors without os.File. An os.File takes a descriptor into
// the runtime's poller, where a read of an inherited pipe cannot be interrupted, a write to descriptor 1 ends the
// process when the reader has gone, and a file that another process makes non-blocking fails with EAGAIN.
//
// Every call here tries again after EINTR. No call closes the descriptor it is given.
package descriptor

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Forever is a timeout that never passes.
const Forever time.Duration = -1

// Control calls f with the file's descriptor and returns f's error. The file cannot be closed meanwhile. Unlike
// File.Fd, Control does not change the file's mode.
func Control(file *os.File, f func(fd int) error) error {
	conn, err := file.SyscallConn()
	if err != nil {
		return err
	}
	if controlErr := conn.Control(func(fd uintptr) { err = f(int(fd)) }); controlErr != nil {
		return controlErr
	}
	return err
}

// Of returns the file's descriptor, which is valid until the file is closed or collected. Unlike File.Fd, it does not
// change the file's mode.
func Of(file *os.File) (fd int, err error) {
	err = Control(file, func(n int) error { fd = n; return nil })
	return fd, err
}

// Poll waits until one of fds is ready, and returns how many are. It returns 0 after timeout, or at once if
// that is 0.
func Poll(fds []unix.PollFd, timeout time.Duration) (ready int, err error) {
	var left *unix.Timespec // nil: forever
	var end time.Time
	if timeout >= 0 {
		t := unix.NsecToTimespec(int64(timeout))
		left = &t
	}
	if timeout > 0 {
		end = time.Now().Add(timeout)
	}
	for {
		ready, err = unix.Ppoll(fds, left, nil)
		if err != unix.EINTR {
			return ready, err
		}
		if timeout > 0 {
			*left = unix.NsecToTimespec(max(0, int64(time.Until(end))))
		}
	}
}

// HungUp reports whether the other end is closed, for the reading end of a pipe, a socket or a terminal.
// There may still be data to read. It does not wait, and is always false for other files.
func HungUp(fd int) bool {
	fds := [...]unix.PollFd{{Fd: int32(fd)}}
	ready, err := Poll(fds[:], 0)
	return err == nil && ready > 0 && fds[0].Revents&unix.POLLHUP != 0
}

// Read is one read(2): 0 bytes without an error is the end of the file.
func Read(fd int, b []byte) (int, error) {
	for {
		if n, err := unix.Read(fd, b); err != unix.EINTR {
			return max(n, 0), err
		}
	}
}

// Write writes all of b. Whenever a non-blocking descriptor is full, it waits until there is room again, at
// most stall, and returns EAGAIN if there was none. Other errors are those of write(2) and poll(2).
func Write(fd int, b []byte, stall time.Duration) (n int, err error) {
	for n < len(b) {
		m, err := unix.Write(fd, b[n:])
		switch err {
		case nil:
			n += m
		case unix.EINTR:
		case unix.EAGAIN:
			fds := [...]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
			ready, err := Poll(fds[:], stall)
			if err != nil {
				return n, err
			}
			if ready == 0 {
				return n, unix.EAGAIN
			}
		default:
			return n, err
		}
	}
	return n, nil
}
