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
	"time"
)

// patience bounds every wait of these tests; nothing takes that long unless it hangs.
const patience = 20 * time.Second

// rsyslog is the other end of the pipes and behaves as improg does.
type rsyslog struct {
	t             *testing.T
	stdin, stdout *os.File // the program's
	toChild       *os.File
	fromChild     *os.File
	line          []byte // scratch of take
}

func newRsyslog(t *testing.T) *rsyslog {
	t.Helper()
	r := &rsyslog{t: t}
	var err error
	if r.stdin, r.toChild, err = os.Pipe(); err != nil {
		t.Fatal(err)
	}
	if r.fromChild, r.stdout, err = os.Pipe(); err != nil {
		t.Fatal(err)
	}
	r.fromChild.SetDeadline(time.Now().Add(patience))
	t.Cleanup(func() {
		for _, f := range []*os.File{r.stdin, r.stdout, r.toChild, r.fromChild} {
			f.Close()
		}
	})
	return r
}

func (r *rsyslog) say(text string) {
	if _, err := r.toChild.WriteString(text); err != nil {
		r.t.Errorf("say %q: %v", text, err)
	}
}

// take reads n lines byte by byte; with ack it answers each at once.
func (r *rsyslog) take(n int, ack bool) (lines []string) {
	var c [1]byte
	for len(lines) < n {
		if _, err := r.fromChild.Read(c[:]); err != nil {
			r.t.Errorf("line %d of %d: %v", len(lines)+1, n, err)
			return lines
		}
		if c[0] != '\n' {
			r.line = append(r.line, c[0])
			continue
		}
		lines = append(lines, string(r.line))
		r.line = r.line[:0]
		if ack {
			r.say("ACK\n")
		}
	}
	return lines
}

// stop is what improg does at its end.
func (r *rsyslog) stop() {
	r.say("STOP\n")
	r.fromChild.Close()
	r.toChild.Close()
}

// logs collects what is logged.
type logs struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logs) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *logs) count(part string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Count(l.buf.Bytes(), []byte(part))
}

// open begins a conversation with confirmation.
func (r *rsyslog) open() (*Conn, *logs) {
	r.t.Helper()
	l := &logs{}
	c, err := Open(r.stdin, r.stdout, slog.New(slog.NewTextHandler(l, nil)))
	if err != nil {
		r.t.Fatal(err)
	}
	if !c.Confirmed() {
		r.t.Fatal("stdin is a pipe, and there is no confirmation")
	}
	r.t.Cleanup(c.Close)
	return c, l
}

// openOutput begins one without.
func (r *rsyslog) openOutput() *Conn {
	r.t.Helper()
	null, err := os.Open(os.DevNull)
	if err != nil {
		r.t.Fatal(err)
	}
	c, err := Open(null, r.stdout, slog.New(slog.DiscardHandler))
	if err != nil {
		r.t.Fatal(err)
	}
	if c.Confirmed() {
		r.t.Fatal("stdin is no pipe, and there is confirmation")
	}
	r.t.Cleanup(func() { c.Close(); null.Close() })
	return c
}

func bounded(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// count returns a settled function and what it counts; it insists on the order.
func count(t *testing.T) (*int, func(int)) {
	n := new(int)
	return n, func(i int) {
		if i != *n {
			t.Errorf("line %d settled, line %d was due", i, *n)
		}
		*n++
	}
}

func over(t *testing.T, c *Conn) {
	t.Helper()
	select {
	case <-c.Done():
	case <-time.After(patience):
		t.Fatal("the conversation is not over")
	}
}

func TestSendConfirmed(t *testing.T) {
	lines := [][]byte{[]byte("first"), {}, []byte("NUL\x00"), bytes.Repeat([]byte("long"), 100_000), {}}
	for i := range 1000 {
		lines = append(lines, fmt.Appendf(nil, "%d %s", i, strings.Repeat("x", i%300)))
	}
	r := newRsyslog(t)
	c, logged := r.open()
	took := make(chan []string)
	go func() { r.say("START\n"); took <- r.take(len(lines), true) }()
	n, settled := count(t)
	if err := c.Send(bounded(t), lines, settled); err != nil || *n != len(lines) {
		t.Fatalf("%v; %d of %d settled", err, *n, len(lines))
	}
	for i, line := range <-took {
		if line != string(lines[i]) {
			t.Errorf("line %d is %.40q, want %.40q", i, line, lines[i])
		}
	}
	if err := c.Send(bounded(t), nil, nil); err != nil {
		t.Errorf("no lines: %v", err)
	}
	if logged.count("level") != 0 {
		t.Errorf("logged:\n%s", &logged.buf)
	}
	r.stop()
	over(t, c)
	if c.Err() != ErrStopped {
		t.Error(c.Err())
	}
}

// Both pipes hold 64 KiB. Here 100,000 acknowledgements of four bytes come while the lines, which also
// fill their pipe, are still being written.
func TestSendNoDeadlock(t *testing.T) {
	lines := make([][]byte, 100_000)
	r := newRsyslog(t)
	c, _ := r.open()
	r.say("START\n")
	go r.take(len(lines), true)
	n, settled := count(t)
	if err := c.Send(bounded(t), lines, settled); err != nil || *n != len(lines) {
		t.Fatalf("%v; %d of %d settled", err, *n, len(lines))
	}
}

func TestStartIsAwaited(t *testing.T) {
	r := newRsyslog(t)
	l := &logs{}
	c := newConn(r.stdout, slog.New(slog.NewTextHandler(l, nil)))
	c.warnTime = time.Millisecond
	var err error
	if c.in, err = descriptor(r.stdin); err != nil {
		t.Fatal(err)
	}
	if _, err := c.open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	sent := make(chan error)
	go func() { sent <- c.Send(bounded(t), [][]byte{[]byte("a")}, func(int) {}) }()
	waitFor(t, "the warning", func() bool { return l.count("START has not come") > 0 })
	r.fromChild.SetReadDeadline(time.Now().Add(time.Millisecond))
	if n, err := r.fromChild.Read(make([]byte, 10)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("before START: %d bytes, %v", n, err)
	}
	r.fromChild.SetReadDeadline(time.Now().Add(patience))
	r.say("START\n")
	r.take(1, true)
	if err := <-sent; err != nil {
		t.Error(err)
	}
	if n := l.count("level"); n != 1 {
		t.Errorf("%d lines logged:\n%s", n, &l.buf)
	}
}

func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !done(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// What rsyslog acknowledged before it stopped counts, even if it is read after the pipes are closed.
func TestStopWhileSending(t *testing.T) {
	r := newRsyslog(t)
	c, _ := r.open()
	r.say("START\n")
	go func() {
		r.take(3, true)
		r.take(4, false)
		r.stop()
	}()
	lines := slices.Repeat([][]byte{bytes.Repeat([]byte("x"), 1000)}, 500) // more than the pipe holds
	n, settled := count(t)
	if err := c.Send(bounded(t), lines, settled); err != ErrStopped || *n != 3 {
		t.Errorf("%v; %d settled, want 3", err, *n)
	}
	over(t, c)
	if err := c.Send(bounded(t), lines, nil); err != ErrStopped {
		t.Errorf("a Send after the end: %v", err)
	}
}

func TestEndWhileIdle(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(r *rsyslog)
		want error
	}{
		{"STOP", func(r *rsyslog) { r.say("STOP\n") }, ErrStopped},
		{"stdin closed", func(r *rsyslog) { r.toChild.Close() }, ErrStopped},
		{"stdout closed", func(r *rsyslog) { r.fromChild.Close() }, ErrStopped},
		{"closed before START", (*rsyslog).stop, ErrStopped},
		{"garbage", func(r *rsyslog) { r.say("220 ready\n") }, nil},
		{"overlong", func(r *rsyslog) { r.say(strings.Repeat("A", 5000)) }, nil},
		{"an ACK for nothing", func(r *rsyslog) { r.say("START\nACK\n") }, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRsyslog(t)
			conn, _ := r.open()
			if conn.Err() != nil {
				t.Fatalf("over before it began: %v", conn.Err())
			}
			c.end(r)
			over(t, conn)
			var fault *ProtocolError
			if err := conn.Err(); err != c.want && !(c.want == nil && errors.As(err, &fault)) {
				t.Errorf("%v, want %v", err, c.want)
			}
			if err := conn.Send(bounded(t), [][]byte{{}}, nil); err != conn.Err() {
				t.Errorf("Send: %v, want %v", err, conn.Err())
			}
		})
	}
}

// Nobody reads on: Send ends with ctx and says how far it came. The conversation can go on, with the
// rest of the line that was begun.
func TestSendCancelled(t *testing.T) {
	r := newRsyslog(t)
	c, _ := r.open()
	r.say("START\n")
	line := bytes.Repeat([]byte("x"), 200_000) // more than the pipe holds
	ctx, cancel := context.WithCancel(bounded(t))
	n, settled := count(t)
	sent := make(chan error)
	go func() { sent <- c.Send(ctx, [][]byte{[]byte("a"), line, []byte("never")}, settled) }()
	r.take(1, true)
	waitFor(t, "the acknowledgement of a", func() bool { return c.taken() == 1 })
	cancel()
	if err := <-sent; !errors.Is(err, context.Canceled) || *n != 1 {
		t.Fatalf("%v; %d settled, want 1", err, *n)
	}

	ctx, cancel = context.WithCancel(bounded(t))
	go func() { sent <- c.Send(ctx, [][]byte{[]byte("never")}, settled) }() // finds the pipe full
	cancel()
	if err := <-sent; !errors.Is(err, context.Canceled) || *n != 1 {
		t.Fatalf("%v; %d settled, want 1", err, *n)
	}

	n, settled = count(t)
	go func() { sent <- c.Send(bounded(t), [][]byte{[]byte("b"), []byte("c")}, settled) }()
	if took := r.take(3, true); took[0] != string(line) || took[1] != "b" || took[2] != "c" {
		t.Errorf("took %.20q", took)
	}
	if err := <-sent; err != nil || *n != 2 {
		t.Errorf("%v; %d settled", err, *n)
	}
}

// Acknowledgements of a Send that ctx ended come during the next one.
func TestLateAcknowledgement(t *testing.T) {
	r := newRsyslog(t)
	c, _ := r.open()
	r.say("START\n")
	ctx, cancel := context.WithCancel(bounded(t))
	sent := make(chan error)
	go func() { sent <- c.Send(ctx, [][]byte{[]byte("a"), []byte("b")}, func(int) { t.Error("settled") }) }()
	r.take(2, false)
	cancel()
	if err := <-sent; !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "2 of 2") {
		t.Fatal(err)
	}
	ctx, cancel = context.WithCancel(bounded(t))
	n, settled := count(t)
	go func() { sent <- c.Send(ctx, [][]byte{[]byte("c"), []byte("d")}, settled) }()
	r.take(2, false)
	r.say("ACK\nACK\nACK\n")
	waitFor(t, "three acknowledgements", func() bool { return c.taken() == 3 })
	cancel()
	if err := <-sent; !errors.Is(err, context.Canceled) || *n != 1 {
		t.Errorf("%v; %d settled, want 1", err, *n)
	}
}

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
	took := r.take(*n-10+1, false) // lines of up to 4 KiB are never begun and left
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

// As a program's real stdout, descriptor 1, a pipe without a reader would kill it with SIGPIPE if it
// were written to through os.Stdout.
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
	r.fromChild.Close() // and stdin stays open
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

// BenchmarkSendUnconfirmed is what a pipe takes of lines of 200 bytes when it is read at once. An op is
// a line.
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
