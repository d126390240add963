package improg

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/descriptor"
)

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

// Both pipes hold 64 KiB. Here 100,000 acknowledgements of four bytes arrive while the lines, which also
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
	c, l := r.openImpatient()
	sent := make(chan error)
	go func() { sent <- c.Send(bounded(t), [][]byte{[]byte("a")}, func(int) {}) }()
	waitFor(t, "the warning", func() bool { return l.count("START has not arrived") > 0 })
	r.expectSilence()
	r.say("START\n")
	r.take(1, true)
	if err := <-sent; err != nil {
		t.Error(err)
	}
	if n := l.count("level"); n != 1 {
		t.Errorf("%d lines logged:\n%s", n, &l.buf)
	}
}

// The warning is not logged after START.
func TestNoWarningAfterStart(t *testing.T) {
	r := newRsyslog(t)
	r.say("START\n")
	c, l := r.openImpatient()
	<-c.started
	r.expectSilence()
	if l.count("level") != 0 {
		t.Errorf("logged:\n%s", &l.buf)
	}
}

// STOP ends a Send that waits for room, even if the pipes stay open.
func TestStopWhilePipeIsFull(t *testing.T) {
	r := newRsyslog(t)
	c, _ := r.open()
	r.say("START\n")
	sent := make(chan error)
	go func() { sent <- c.Send(context.Background(), [][]byte{bytes.Repeat([]byte("x"), 200_000)}, nil) }()
	waitFor(t, "the pipe to be full", func() bool {
		fds := [...]unix.PollFd{{Fd: int32(c.out), Events: unix.POLLOUT}}
		ready, err := descriptor.Poll(fds[:], 0)
		return err == nil && ready == 0
	})
	r.say("STOP\n")
	select {
	case err := <-sent:
		if err != ErrStopped {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Fatal("Send does not end")
	}
}

func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !done(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("timed out waiting for %s", what)
		}
	}
}

// What rsyslog acknowledged before it stopped counts, even if that is read after the pipes are closed.
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

// The same when stdout's reader has gone before the watch has read anything from stdin.
func TestStopUnread(t *testing.T) {
	r := newRsyslog(t)
	c := newConn(r.stdout, slog.New(slog.DiscardHandler))
	var err error
	if c.in, err = descriptor.Of(r.stdin); err != nil {
		t.Fatal(err)
	}
	c.talk.Send(3)
	r.say("START\n" + strings.Repeat("ACK\n", 3))
	r.fromChild.Close()
	if _, err := c.open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	over(t, c)
	if c.Err() != ErrStopped || c.taken() != 3 {
		t.Errorf("%v; %d taken, want 3", c.Err(), c.taken())
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

// The reader stops reading: Send ends with ctx and reports how far it got. The conversation can go on,
// with the rest of the line that was begun.
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
	go func() { sent <- c.Send(ctx, [][]byte{[]byte("never")}, settled) }() // the pipe is full
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

// Acknowledgements for a Send that ctx has ended arrive during the next Send.
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
