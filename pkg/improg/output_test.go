package improg

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

func TestSendUnconfirmed(t *testing.T) {
	r := newRsyslog(t)
	c := r.openOutput()
	n, settled := count(t)
	if err := c.Send(bounded(t), [][]byte{[]byte("a"), {}, []byte("b")}, settled); err != nil || *n != 3 {
		t.Fatalf("%v; %d settled", err, *n)
	}
	if took := r.take(3, false); !slices.Equal(took, []string{"a", "", "b"}) {
		t.Errorf("took %q", took)
	}
	if c.Err() != nil {
		t.Fatal(c.Err())
	}
	r.fromChild.Close()
	over(t, c)
	if c.Err() != ErrStopped {
		t.Error(c.Err())
	}
}

func TestSendUnconfirmedCancelled(t *testing.T) {
	r := newRsyslog(t)
	c := r.openOutput()
	lines := slices.Repeat([][]byte{bytes.Repeat([]byte("x"), 999)}, 1000)
	ctx, cancel := context.WithCancel(bounded(t))
	n, settled := count(t)
	sent := make(chan error)
	go func() { sent <- c.Send(ctx, lines, settled) }()
	r.take(10, false)
	cancel()
	if err := <-sent; !errors.Is(err, context.Canceled) || *n < 10 || *n > 80 {
		t.Errorf("%v; %d settled", err, *n)
	}
	go func() { sent <- c.Send(bounded(t), [][]byte{[]byte("last")}, func(int) {}) }()
	took := r.take(*n-10+1, false) // lines of up to 4 KiB are never left half written
	if took[len(took)-1] != "last" {
		t.Errorf("%d lines settled; the one after them is %.20q", *n, took[len(took)-1])
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
}

func TestSendUnconfirmedReaderGone(t *testing.T) {
	r := newRsyslog(t)
	c := r.openOutput()
	lines := slices.Repeat([][]byte{bytes.Repeat([]byte("x"), 999)}, 1000)
	go func() { r.take(10, false); r.fromChild.Close() }()
	n, settled := count(t)
	if err := c.Send(bounded(t), lines, settled); err != ErrStopped || *n < 10 || *n > 80 {
		t.Errorf("%v; %d settled", err, *n)
	}
	over(t, c)
}

func TestSendToFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	c, err := OpenOutput(f)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var want strings.Builder
	lines := slices.Repeat([][]byte{bytes.Repeat([]byte("x"), 199)}, 1000)
	for range 3 {
		n, settled := count(t)
		if err := c.Send(bounded(t), lines, settled); err != nil || *n != len(lines) {
			t.Fatalf("%v; %d settled", err, *n)
		}
		for _, l := range lines {
			fmt.Fprintf(&want, "%s\n", l)
		}
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != want.String() {
		t.Errorf("%d bytes, %v; want %d", len(got), err, want.Len())
	}
}

func TestSendDiskFull(t *testing.T) {
	f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	c, err := OpenOutput(f)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	err = c.Send(bounded(t), [][]byte{[]byte("a")}, func(int) { t.Error("settled") })
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("%v, want no space left on device", err)
	}
}

func TestSendRefusesLineFeed(t *testing.T) {
	r := newRsyslog(t)
	c := r.openOutput()
	err := c.Send(bounded(t), [][]byte{[]byte("a"), []byte("b\nc")}, func(int) { t.Error("settled") })
	if err == nil || !strings.Contains(err.Error(), "line 2 of 2") {
		t.Error(err)
	}
}

// If the program wrote through os.Stdout, a pipe without a reader as its descriptor 1 would kill it with
// SIGPIPE.
func TestRealStdout(t *testing.T) {
	r := newRsyslog(t)
	child := exec.Command(os.Args[0], "-test.run=^TestMain$")
	child.Env = append(os.Environ(), "IMPROG_TEST_CHILD=1")
	child.Stdin, child.Stdout = r.stdin, r.stdout
	var stderr bytes.Buffer
	child.Stderr = &stderr
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	r.stdin.Close()
	r.stdout.Close()
	r.say("START\n")
	r.take(5, true)
	r.fromChild.Close() // stdin stays open
	if err := child.Wait(); err != nil {
		t.Errorf("%v; on stderr: %s", err, &stderr)
	}
}

func TestMain(m *testing.M) {
	if os.Getenv("IMPROG_TEST_CHILD") == "" {
		os.Exit(m.Run())
	}
	c, err := Open(os.Stdin, os.Stdout, slog.New(slog.NewTextHandler(os.Stderr, nil)))
	for err == nil {
		err = c.Send(context.Background(), [][]byte{[]byte("line")}, func(int) {})
	}
	if err != ErrStopped {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// BenchmarkSendUnconfirmed sends lines of 200 bytes through a pipe that is read at once. An op is one
// line.
func BenchmarkSendUnconfirmed(b *testing.B) {
	in, out, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	var reading sync.WaitGroup
	reading.Go(func() { io.Copy(io.Discard, in) })
	c, err := OpenOutput(out)
	if err != nil {
		b.Fatal(err)
	}
	lines := slices.Repeat([][]byte{bytes.Repeat([]byte("x"), 199)}, 1000)
	b.ReportAllocs()
	b.ResetTimer()
	for left := b.N; left > 0; left -= len(lines) {
		if err := c.Send(context.Background(), lines[:min(left, len(lines))], func(int) {}); err != nil {
			b.Fatal(err)
		}
	}
	c.Close()
	out.Close()
	reading.Wait()
}
