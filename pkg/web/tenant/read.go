package tenant

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/descriptor"
)

// state is all by which a change of a file shows.
type state struct {
	dev, ino     uint64
	size         int64
	mtime, ctime unix.Timespec
}

// sameFile reports whether one is the other, perhaps changed.
func (s state) sameFile(other state) bool { return s.dev == other.dev && s.ino == other.ino }

// new reports whether the last change was so recent that another one may have left the times as they are.
func (s state) new() bool { return time.Since(time.Unix(s.ctime.Unix())) < time.Second }

func newState(s *unix.Stat_t) state {
	return state{dev: uint64(s.Dev), ino: s.Ino, size: s.Size, mtime: s.Mtim, ctime: s.Ctim}
}

// stateOf returns the state of the file at path, to which symbolic links may lead.
func stateOf(path string) (state, error) {
	var s unix.Stat_t
	if err := unix.Stat(path, &s); err != nil {
		return state{}, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	return newState(&s), nil
}

// readFile reads a regular file that only its owner and its group may read or change.
func readFile(path string) (text []byte, found state, err error) {
	file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0) // so that a FIFO makes nobody wait
	if err != nil {
		return nil, found, err
	}
	defer file.Close()
	var s unix.Stat_t
	if err := descriptor.Control(file, func(fd int) error { return unix.Fstat(fd, &s) }); err != nil {
		return nil, found, &os.PathError{Op: "fstat", Path: path, Err: err}
	}
	switch {
	case s.Mode&unix.S_IFMT != unix.S_IFREG:
		return nil, found, errors.New("it is not a regular file, which can be read again")
	case s.Mode&0o006 != 0:
		return nil, found, fmt.Errorf("every user of this host may read it or write to it (mode %04o): chmod o-rw %s", s.Mode&0o7777, path)
	case s.Size > MaxFile:
		return nil, found, fmt.Errorf("it is longer than %d MiB", MaxFile>>20)
	}
	text, err = io.ReadAll(io.LimitReader(file, MaxFile+1)) // Parse refuses what is longer
	return text, newState(&s), err
}
