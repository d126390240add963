package lines

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func newWriter(t testing.TB, fd int) *Writer {
	t.Helper()
	w, err := NewWriter(fd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

func TestWriteMoreThanThePipeHolds(t *testing.T) {
	in, out := pipe(t)
	w := newWriter(t, out)
	text := strings.Repeat("0123456789", 50_000)
	got := make(chan string, 1)
	go func() {
		f := os.NewFile(uintptr(dup(t, in)), "pipe")
		defer f.Close()
		b := make([]byte, len(text))
		n, _ := io.ReadFull(f, b)
		got <- string(b[:n])
	}()
	if n, err := w.Write([]byte(text)); n != len(text) || err != nil {
		t.Fatalf("wrote %d, %v", n, err)
	}
	if s := <-got; s != text {
		t.Errorf("%d bytes arrived", len(s))
	}
}

func dup(t testing.TB, fd int) int {
	t.Helper()
	n, err := unix.Dup(fd)
	if err != nil {
		t.Error(err)
	}
	return n
}

func TestWriteWithoutReader(t *testing.T) {
	in, out := pipe(t)
	w := newWriter(t, out)
	closing(t, in)
	if _, err := w.Write([]byte("OK\n")); !errors.Is(err, unix.EPIPE) {
		t.Errorf("a pipe nobody reads: %v", err)
	}
	if _, err := NewWriter(-1); !errors.Is(err, unix.EBADF) {
		t.Errorf("descriptor -1: %v", err)
	}
}

func TestWriteToFile(t *testing.T) {
	f, err := os.Create(t.TempDir() + "/replies")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := newWriter(t, int(f.Fd())).Write([]byte("OK\n")); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(f.Name()); string(text) != "OK\n" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
}

func TestConfirmed(t *testing.T) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	file, err := os.Create(t.TempDir() + "/output")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	_, replies := pipe(t)
	_, capture := pipe(t)
	both := dup(t, capture)
	defer unix.Close(both)
	sockets, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(sockets[0])
	defer unix.Close(sockets[1])
	for _, c := range []struct {
		name           string
		stdout, stderr int
		want           bool
	}{
		{"a pipe of its own, stderr to /dev/null", replies, int(null.Fd()), true},
		{"a pipe of its own, stderr captured", replies, capture, true},
		{"a pipe of its own, no stderr", replies, -1, true},
		{"a socket", sockets[0], int(null.Fd()), true},
		{"one pipe for both", both, capture, false},
		{"/dev/null", int(null.Fd()), int(null.Fd()), false},
		{"a file", int(file.Fd()), int(null.Fd()), false},
		{"closed", -1, int(null.Fd()), false},
	} {
		if got := Confirmed(c.stdout, c.stderr); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// A terminal counts as a reader, and is read with poll.
func TestTerminal(t *testing.T) {
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	fd := int(master.Fd())
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	terminal, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	tty := int(terminal.Fd())
	if !Confirmed(tty, tty) {
		t.Error("a terminal must count as a reader of replies")
	}
	r := newReader(t, tty, 100)
	if _, _, err := r.TryNext(spin); err != ErrNothing {
		t.Errorf("an idle terminal: %v", err)
	}
	write(t, fd, "typed\n")
	wantLine(t, r, "typed", 0)
}
