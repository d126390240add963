package terminal

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"

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

// SIGPIPE kills a program only when it writes to descriptor 1 or 2. A pipe in this process would not show that.
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

// os.Pipe makes both ends non-blocking. The Writer must wait for room.
func TestNonBlockingPipe(t *testing.T) {
	reader, writer := pipe(t)
	want := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	type result struct {
		n   int
		err error
	}
	done := make(chan result, 1)
	go func() {
		n, err := NewWriter(writer).Write(want)
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
		t.Error("different bytes arrived")
	}
}

// The channel is closed when the reader goes, and not because there is room to write.
func TestClosed(t *testing.T) {
	for name, open := range map[string]func(t *testing.T) (reader, writer *os.File){
		"pipe":     pipe,
		"terminal": func(t *testing.T) (master, terminal *os.File) { return pty.Open(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reader, writer := open(t)
			w := NewWriter(writer)
			closed := w.Closed()
			if _, err := w.Write([]byte("a")); err != nil {
				t.Fatal(err)
			}
			other, gone := open(t)
			other.Close()              //nolint:errcheck // that it is closed is the test
			<-NewWriter(gone).Closed() // asked for later than the one that must stay open
			select {
			case <-closed:
				t.Error("closed while there is a reader")
			default:
			}
			reader.Close() //nolint:errcheck // that it is closed is the test
			select {
			case <-closed:
			case <-time.After(20 * time.Second):
				t.Error("not closed after the reader has gone")
			}
		})
	}
}

func TestWriteErrors(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := NewWriter(full).Write([]byte("x")); n != 0 || !errors.Is(err, unix.ENOSPC) {
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
		t.Errorf("a terminal that has gone: %v", err)
	}
}
