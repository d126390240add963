package terminal

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/descriptor"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/descriptor/pty"
)

// TestMain is also the program that TestReaderGone starts.
func TestMain(m *testing.M) {
	if os.Getenv("TERMINAL_TEST") == "" {
		os.Exit(m.Run())
	}
	w := NewWriter(os.Stdout)
	for {
		if _, err := w.Write([]byte("line\n")); errors.Is(err, ErrClosed) {
			os.Exit(0)
		} else if err != nil {
			os.Exit(1)
		}
	}
}

// Descriptor 1 is what the signal SIGPIPE kills for; a test's own pipe would not show it.
func TestReaderGone(t *testing.T) {
	program := exec.Command(os.Args[0])
	program.Env = append(os.Environ(), "TERMINAL_TEST=1")
	stdout, err := program.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 5)
	if _, err := io.ReadFull(stdout, line); err != nil || string(line) != "line\n" {
		t.Errorf("read %q, %v", line, err)
	}
	stdout.Close() //nolint:errcheck // that it is closed is the test
	if err := program.Wait(); err != nil {
		t.Errorf("the program ended with %v, want exit code 0", err)
	}
}

// A pipe that turns non-blocking behind the Writer's back, fuller than it can be.
func TestNonBlockingPipe(t *testing.T) {
	reader, writer := pipe(t)
	fd, err := unix.Dup(int(writer.Fd())) // Fd makes it a blocking one, as os.Stdout's was
	if err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(fd), "output")
	defer file.Close() //nolint:errcheck // the test is over
	if err := unix.SetNonblock(fd, true); err != nil {
		t.Fatal(err)
	}
	want := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	type result struct {
		n   int
		err error
	}
	done := make(chan result, 1)
	go func() {
		n, err := NewWriter(file).Write(want)
		done <- result{n, err}
	}()
	got := make([]byte, len(want))
	for from := 0; from < len(got); from += 1000 {
		if _, err := io.ReadFull(reader, got[from:min(from+1000, len(got))]); err != nil {
			t.Fatal(err)
		}
	}
	if r := <-done; r.n != len(want) || r.err != nil {
		t.Errorf("wrote %d of %d bytes: %v", r.n, len(want), r.err)
	}
	if !bytes.Equal(got, want) {
		t.Error("other bytes arrived")
	}
}

// A write that waits for room ends when the reader goes.
func TestReaderGoesDuringWrite(t *testing.T) {
	reader, writer := pipe(t)
	if err := descriptor.Control(writer, func(fd int) error { return unix.SetNonblock(fd, true) }); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := NewWriter(writer).Write(make([]byte, 1<<20))
		done <- err
	}()
	if _, err := io.ReadFull(reader, make([]byte, 1<<17)); err != nil { // more than a pipe holds: it was full
		t.Fatal(err)
	}
	reader.Close() //nolint:errcheck // that it is closed is the test
	if err := <-done; !errors.Is(err, ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
}

func TestWriteErrors(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := NewWriter(full).Write([]byte("x")); n != 0 || !errors.Is(err, unix.ENOSPC) || errors.Is(err, ErrClosed) {
		t.Errorf("full: %d, %v", n, err)
	}
	full.Close() //nolint:errcheck // that it is closed is the test
	if n, err := NewWriter(full).Write([]byte("x")); n != 0 || err == nil || errors.Is(err, ErrClosed) {
		t.Errorf("closed: %d, %v", n, err)
	}
	_, writer := pipe(t)
	if n, err := NewWriter(writer).Write(nil); n != 0 || err != nil {
		t.Errorf("nothing: %d, %v", n, err)
	}
}

func TestWriteToTerminal(t *testing.T) {
	master, terminal := pty.Open(t)
	if _, err := NewWriter(terminal).Write([]byte("a\n")); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 3)
	if _, err := io.ReadFull(master, got); err != nil || string(got) != "a\r\n" {
		t.Errorf("got %q, %v", got, err)
	}
	master.Close() //nolint:errcheck // that it is closed is the test
	if _, err := NewWriter(terminal).Write([]byte("a")); !errors.Is(err, ErrClosed) {
		t.Errorf("a terminal that is gone: %v", err)
	}
}
