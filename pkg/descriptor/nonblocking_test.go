package descriptor

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func TestUnblock(t *testing.T) {
	_, pipe := pipe(t)
	sockets, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(sockets[0])
	defer unix.Close(sockets[1])
	file, err := os.Create(t.TempDir() + "/file")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for _, c := range []struct {
		name      string
		fd        int
		was, want bool // non-blocking
	}{
		{"a pipe", pipe, false, true},
		{"a non-blocking pipe", pipe, true, true},
		{"a socket", sockets[0], false, true},
		{"a file", int(file.Fd()), false, false},
		{"/dev/null", int(null.Fd()), false, false},
	} {
		if err := unix.SetNonblock(c.fd, c.was); err != nil {
			t.Fatal(err)
		}
		got, restore, err := Unblock(c.fd)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if got != c.want || nonblocking(t, c.fd) != c.want {
			t.Errorf("%s: non-blocking %v, reported %v; want %v", c.name, nonblocking(t, c.fd), got, c.want)
		}
		if err := restore(); err != nil || nonblocking(t, c.fd) != c.was {
			t.Errorf("%s: restored: non-blocking %v, %v; want %v", c.name, nonblocking(t, c.fd), err, c.was)
		}
	}
	if _, _, err := Unblock(-1); !errors.Is(err, unix.EBADF) {
		t.Errorf("no descriptor: %v", err)
	}
}

// The mode that the owner sets after it has been restored is left alone.
func TestRestoreOnce(t *testing.T) {
	fd, _ := pipe(t)
	_, restore, err := Unblock(fd)
	if err != nil {
		t.Fatal(err)
	}
	if err := restore(); err != nil {
		t.Fatal(err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		t.Fatal(err)
	}
	if err := restore(); err != nil || !nonblocking(t, fd) {
		t.Errorf("the second restore: non-blocking %v, %v", nonblocking(t, fd), err)
	}
}
