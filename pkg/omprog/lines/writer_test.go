package lines

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/descriptor/pty"
)

// longestWait is for tests in which the replies are read.
const longestWait = 20 * time.Second

func newWriter(t testing.TB, fd int) *Writer {
	t.Helper()
	w, err := NewWriter(fd, longestWait)
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
		var all []byte
		b := make([]byte, 1000)
		for len(all) < len(text) {
			n, err := unix.Read(in, b)
			if err != nil && err != unix.EINTR {
				break
			}
			all = append(all, b[:max(n, 0)]...)
		}
		got <- string(all)
	}()
	if n, err := w.Write([]byte(text)); n != len(text) || err != nil {
		t.Fatalf("wrote %d, %v", n, err)
	}
	if s := <-got; s != text {
		t.Errorf("%d bytes arrived", len(s))
	}
}

func TestWriteWithoutReader(t *testing.T) {
	in, out := pipe(t)
	w := newWriter(t, out)
	closing(t, in)
	if _, err := w.Write([]byte("OK\n")); !errors.Is(err, unix.EPIPE) {
		t.Errorf("a pipe without a reader: %v", err)
	}
	if _, err := NewWriter(-1, longestWait); !errors.Is(err, unix.EBADF) {
		t.Errorf("descriptor -1: %v", err)
	}
}

// Nothing reads the pipe: what it holds is written, and the wait for more ends.
func TestWriteIsNotRead(t *testing.T) {
	_, out := pipe(t)
	size, err := unix.FcntlInt(uintptr(out), unix.F_SETPIPE_SZ, 4096)
	if err != nil {
		t.Fatal(err)
	}
	w := newWriter(t, out)
	w.longestWait = time.Millisecond
	if n, err := w.Write(make([]byte, size+1)); n != size || !errors.Is(err, ErrNotRead) {
		t.Errorf("wrote %d of %d, %v", n, size+1, err)
	}
	if n, err := w.Write([]byte("OK\n")); n != 0 || !errors.Is(err, ErrNotRead) {
		t.Errorf("wrote %d to a full pipe, %v", n, err)
	}
	if n, err := w.Write(nil); n != 0 || err != nil {
		t.Errorf("nothing: %d, %v", n, err)
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

// A terminal is not made non-blocking: it is polled and read.
func TestTerminal(t *testing.T) {
	master, terminal := pty.Open(t)
	fd := int(terminal.Fd())
	r := newReader(t, fd, 100)
	if flags(t, fd)&unix.O_NONBLOCK != 0 {
		t.Error("the terminal is non-blocking")
	}
	if _, _, err := r.TryNext(spin); err != ErrNothing {
		t.Errorf("an idle terminal: %v", err)
	}
	wantError(t, r, ErrDeadline, time.Now().Add(time.Millisecond))
	write(t, int(master.Fd()), "typed\n")
	wantLine(t, r, "typed", 0)
}
