package omprog

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/descriptor/pty"
)

func TestConfirmed(t *testing.T) {
	open := func(f *os.File, err error) int {
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return int(f.Fd())
	}
	pipe := func() int {
		out, in, err := os.Pipe()
		open(out, err)
		return open(in, err)
	}
	null := open(os.OpenFile(os.DevNull, os.O_RDWR, 0))
	file := open(os.Create(t.TempDir() + "/output"))
	replies, capture := pipe(), pipe()
	both, err := unix.Dup(capture)
	open(os.NewFile(uintptr(both), "both"), err)
	sockets, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	open(os.NewFile(uintptr(sockets[0]), "socket"), err)
	open(os.NewFile(uintptr(sockets[1]), "socket"), err)
	_, terminal := pty.Open(t)
	for _, c := range []struct {
		name           string
		stdout, stderr int
		want           bool
	}{
		{"a pipe of its own, stderr to /dev/null", replies, null, true},
		{"a pipe of its own, stderr captured", replies, capture, true},
		{"a pipe of its own, no stderr", replies, -1, true},
		{"a socket", sockets[0], null, true},
		{"a terminal", int(terminal.Fd()), int(terminal.Fd()), true},
		{"one pipe for both", both, capture, false},
		{"/dev/null", null, null, false},
		{"a file", file, null, false},
		{"closed", -1, null, false},
	} {
		if got := Confirmed(c.stdout, c.stderr); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
