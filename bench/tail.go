package main

import (
	"context"
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// tail reads what a program writes to a pipe, or to a file that grows.
type tail struct {
	file *os.File
	grow int // inotify(7); -1: a pipe
}

func pipeTail(pipe *os.File) *tail { return &tail{pipe, -1} }

func fileTail(name string) (*tail, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	grow, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err == nil {
		_, err = unix.InotifyAddWatch(grow, name, unix.IN_MODIFY)
	}
	return &tail{file, grow}, err
}

// read blocks in the kernel and not in the runtime's poller, which would be measured too.
func (t *tail) read(ctx context.Context, buf []byte) (int, error) {
	fd := int(t.file.Fd()) // makes a pipe block
	var events [4096]byte
	for {
		k, err := unix.Read(fd, buf)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil || k > 0:
			return k, err
		case t.grow < 0:
			return 0, errors.New("end of file")
		case ctx.Err() != nil:
			return 0, ctx.Err()
		}
		polled := []unix.PollFd{{Fd: int32(t.grow), Events: unix.POLLIN}}
		if n, _ := unix.Poll(polled, 100); n > 0 {
			unix.Read(t.grow, events[:]) //nolint:errcheck // what has happened is seen in the file
		}
	}
}

func (t *tail) close() {
	t.file.Close()
	if t.grow >= 0 {
		unix.Close(t.grow) //nolint:errcheck // only read from
	}
}
