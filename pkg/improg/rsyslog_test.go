package improg

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/descriptor"
)

// patience bounds every wait of these tests. Nothing takes that long unless it hangs.
const patience = 20 * time.Second

// rsyslog is the other end of the pipes and behaves as improg does.
type rsyslog struct {
	t             *testing.T
	stdin, stdout *os.File // the program's; blocking, as rsyslog makes them
	toChild       *os.File
	fromChild     *os.File
	line          []byte // scratch of take
}

// newRsyslog makes the test a parallel one.
func newRsyslog(t *testing.T) *rsyslog {
	t.Helper()
	t.Parallel()
	r := &rsyslog{t: t}
	var err error
	if r.stdin, r.toChild, err = os.Pipe(); err != nil {
		t.Fatal(err)
	}
	if r.fromChild, r.stdout, err = os.Pipe(); err != nil {
		t.Fatal(err)
	}
	for _, f := range []*os.File{r.stdin, r.stdout} {
		if err := descriptor.Control(f, func(fd int) error { return unix.SetNonblock(fd, false) }); err != nil {
			t.Fatal(err)
		}
	}
	// The tests count on pipes of 64 KiB; with pages of 64 KiB they would hold 1 MiB. F_SETPIPE_SZ fails only if
	// this user's pipes must be even smaller.
	descriptor.Control(r.stdout, func(fd int) error {
		_, err := unix.FcntlInt(uintptr(fd), unix.F_SETPIPE_SZ, 64<<10)
		return err
	})
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

// take reads n lines byte by byte. With ack it acknowledges each at once.
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

// stop does what improg does at its end.
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
		r.t.Fatal("no confirmation although stdin is a pipe")
	}
	r.t.Cleanup(c.Close)
	return c, l
}

// openImpatient is open with a warning if START has not arrived after a millisecond.
func (r *rsyslog) openImpatient() (*Conn, *logs) {
	r.t.Helper()
	l := &logs{}
	c := newConn(r.stdout, slog.New(slog.NewTextHandler(l, nil)))
	c.warnTime = time.Millisecond
	var err error
	if c.in, err = descriptor.Of(r.stdin); err != nil {
		r.t.Fatal(err)
	}
	if _, err := c.open(); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(c.Close)
	return c, l
}

// expectSilence waits for a while in which the program writes nothing.
func (r *rsyslog) expectSilence() {
	r.t.Helper()
	r.fromChild.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
	if n, err := r.fromChild.Read(make([]byte, 10)); !errors.Is(err, os.ErrDeadlineExceeded) {
		r.t.Errorf("%d bytes, %v; want nothing", n, err)
	}
	r.fromChild.SetReadDeadline(time.Now().Add(patience))
}

// openOutput begins a conversation without confirmation.
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
		r.t.Fatal("confirmation although stdin is not a pipe")
	}
	r.t.Cleanup(func() { c.Close(); null.Close() })
	return c
}

func bounded(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// count returns a settled function, which checks the order, and its count.
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
