package integration

import (
	"bufio"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// Replies and marks in omprog's conversation.
const (
	begin    = "BEGIN TRANSACTION"
	commit   = "COMMIT TRANSACTION"
	ok       = "OK"
	deferred = "DEFER_COMMIT"
)

// reply is one line that omzmq wrote to stdout. Its keep-alive dots are counted separately.
type reply struct {
	dots int
	text string
}

// driver is omzmq with the test in rsyslog's place: it writes lines to stdin and reads replies from stdout.
type driver struct {
	*process
	stdin   io.WriteCloser
	replies chan reply   // closed at the end of stdout
	dots    atomic.Int32 // keep-alive dots before the next reply
}

// drive starts omzmq with the given flags and waits for its first OK.
func drive(t *testing.T, flags ...string) *driver {
	t.Helper()
	d := driveCommand(t, exec.Command(program("omzmq"), flags...))
	d.expect(t, ok)
	return d
}

// driveCommand starts cmd, which is omzmq or execs it, with stdin and stdout on pipes.
func driveCommand(t *testing.T, cmd *exec.Cmd) *driver {
	t.Helper()
	p, stdin, r := startPiped(t, "omzmq", cmd)
	d := &driver{process: p, stdin: stdin, replies: make(chan reply, 1<<16)}
	go d.read(r)
	return d
}

func (d *driver) read(r *bufio.Reader) {
	defer close(d.replies)
	for {
		first, err := r.Peek(1)
		if err != nil {
			return
		}
		if first[0] == '.' {
			r.Discard(1) //nolint:errcheck // it was peeked
			d.dots.Add(1)
			continue
		}
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		d.replies <- reply{int(d.dots.Swap(0)), strings.TrimSuffix(line, "\n")}
	}
}

// write sends lines to omzmq, each with a line feed, and does not wait for replies.
func (d *driver) write(t *testing.T, lines ...string) {
	t.Helper()
	if _, err := io.WriteString(d.stdin, strings.Join(lines, "\n")+"\n"); err != nil {
		t.Fatalf("omzmq does not read: %v", err)
	}
}

// reply waits for the next reply.
func (d *driver) reply(t *testing.T) reply {
	t.Helper()
	select {
	case r, open := <-d.replies:
		if !open {
			t.Fatal("omzmq has closed its stdout")
		}
		return r
	case <-time.After(patience):
		t.Fatal("omzmq does not reply")
		return reply{}
	}
}

func (d *driver) expect(t *testing.T, text string) {
	t.Helper()
	if r := d.reply(t); r.text != text {
		t.Fatalf("omzmq replied %q, want %q", r.text, text)
	}
}

// transaction sends lines as one transaction and returns the reply to its commit, or to a BEGIN that fails.
func (d *driver) transaction(t *testing.T, lines ...string) reply {
	t.Helper()
	d.write(t, begin)
	if r := d.reply(t); r.text != ok {
		return r
	}
	d.accept(t, lines...)
	d.write(t, commit)
	return d.reply(t)
}

func (d *driver) begin(t *testing.T) {
	t.Helper()
	d.write(t, begin)
	d.expect(t, ok)
}

func (d *driver) accept(t *testing.T, lines ...string) {
	t.Helper()
	for _, line := range lines {
		d.write(t, line)
		d.expect(t, deferred)
	}
}

// commits sends lines as one transaction that must succeed.
func (d *driver) commits(t *testing.T, lines ...string) {
	t.Helper()
	if r := d.transaction(t, lines...); r.text != ok {
		t.Fatalf("the commit was answered %q", r.text)
	}
}

// delivers sends lines as rsyslog does after a failed commit: each in a transaction of its own, repeated until
// it succeeds.
func (d *driver) delivers(t *testing.T, lines ...string) {
	t.Helper()
	for _, line := range lines {
		for r := d.transaction(t, line); r.text != ok; r = d.transaction(t, line) {
			if !strings.HasPrefix(r.text, "omzmq: ") {
				t.Fatalf("the commit was answered %+v", r)
			}
		}
	}
}

// finish closes omzmq's stdin, as rsyslog does, and returns the exit code. omzmq must write nothing more to
// stdout.
func (d *driver) finish(t *testing.T) int {
	t.Helper()
	if err := d.stdin.Close(); err != nil {
		t.Fatal(err)
	}
	code := d.exit(t)
	for r := range d.replies {
		t.Errorf("omzmq wrote %q after the end of its input", r.text)
	}
	return code
}

// numbered returns n different short lines.
func numbered(prefix string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("<13>%s %d", prefix, i)
	}
	return out
}
