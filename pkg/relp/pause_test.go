package relp

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// observed is a TCP connection that reports its reads, and when it is closed or gets a deadline for both directions.
type observed struct {
	*net.TCPConn
	reading func()
	read    int // bytes so far
	ended   chan struct{}
	end     sync.Once
}

func (o *observed) Read(b []byte) (int, error) {
	o.reading()
	n, err := o.TCPConn.Read(b)
	o.read += n
	return n, err
}

func (o *observed) SetDeadline(t time.Time) error {
	defer o.end.Do(func() { close(o.ended) })
	return o.TCPConn.SetDeadline(t)
}

func (o *observed) Close() error {
	defer o.end.Do(func() { close(o.ended) })
	return o.TCPConn.Close()
}

// ready returns how many bytes can be read.
func (o *observed) ready() (n int) {
	raw, err := o.SyscallConn()
	if err == nil {
		raw.Control(func(fd uintptr) { n, _ = unix.IoctlGetInt(int(fd), unix.TIOCINQ) }) //nolint:errcheck // 0 then
	}
	return n
}

// pausedClient is a client whose server reads a batch, answers its first message, and answers more only while the
// client pauses.
type pausedClient struct {
	*Client
	conn   *observed
	server *peer
	asked  chan struct{} // closed when the server has read the batch and answered once
	said   int           // bytes that the server has sent, as far as answer knows
}

// newPausedClient makes one for a batch of that many messages. pause takes the place of the client's pauses. next are
// the scripts of the server's further connections.
func newPausedClient(t *testing.T, messages int, pause func(c *pausedClient), next ...func(*peer)) *pausedClient {
	t.Helper()
	c := &pausedClient{asked: make(chan struct{})}
	first := func(p *peer) {
		p.greet()
		p.messages(messages)
		p.ok(2)
		c.server = p
		close(c.asked)
		p.serve()
	}
	c.Client, _ = newClient(t, Config{Address: fakeServer(t, append([]func(*peer){first}, next...)...)})
	dial := c.dial
	c.dial = func(ctx context.Context, address string) (net.Conn, error) {
		conn, err := dial(ctx, address)
		if err != nil || c.conn != nil {
			return conn, err
		}
		c.conn = &observed{TCPConn: conn.(*net.TCPConn), reading: func() {}, ended: make(chan struct{})}
		return c.conn, nil
	}
	if err := c.Connect(bounded(t)); err != nil {
		t.Fatal(err)
	}
	c.said = c.conn.read + len("2 rsp 6 200 OK\n")
	c.session.pause = func() { <-c.asked; pause(c) }
	return c
}

// answer answers transactions with 200 and waits until the client's kernel has all answers.
func (c *pausedClient) answer(t *testing.T, txnrs ...int) {
	t.Helper()
	c.server.ok(txnrs...)
	c.said += len(txnrs) * len("2 rsp 6 200 OK\n")
	waitFor(t, "the answers to arrive", func() bool { return c.conn.read+c.conn.ready() >= c.said })
}

// While many answers are owed, there is one read for as many as come during a pause, and not one for each.
func TestPauses(t *testing.T) {
	t.Parallel()
	const messages, perPause = 1000, 100
	answered, settledSoFar, paused := 1, 0, false
	c := newPausedClient(t, messages, func(c *pausedClient) {
		paused = true
		for n := min(perPause, messages-answered); n > 0; n-- {
			c.server.ok(answered + 2)
			answered++
		}
	})
	c.conn.reading = func() {
		owed := messages - settledSoFar
		if settledSoFar > 0 && paused != (owed >= manyOwed) { // before that, not all may be sent
			t.Errorf("%d answers are owed; a pause before the read: %v", owed, paused)
		}
		paused = false
	}
	got, settled := fates(t, messages)
	err := c.Send(bounded(t), batchOf(messages), func(i int, refusal error) {
		settled(i, refusal)
		settledSoFar++
	})
	if err != nil || slices.Contains(got, "") {
		t.Errorf("%v, fates %q", err, got)
	}
	c.conn.reading = func() {}
}

// The answers that have gathered when ctx ends settle their messages.
func TestPauseCancelled(t *testing.T) {
	t.Parallel()
	const messages = 100
	ctx, cancel := context.WithCancel(bounded(t))
	defer cancel()
	c := newPausedClient(t, messages, func(c *pausedClient) {
		c.answer(t, 3, 4, 6)
		cancel()
		<-c.conn.ended
	})
	got, settled := fates(t, messages)
	err := c.Send(ctx, batchOf(messages), settled)
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "96 of 100") {
		t.Errorf("error %v, want a cancelled context and 96 of 100", err)
	}
	for i, fate := range got {
		if want := i <= 2 || i == 4; (fate == "ok") != want {
			t.Errorf("message %d: %q, answered: %v", i, fate, want)
		}
	}
}

// The answers that have gathered when the connection ends settle their messages, which are not sent again.
func TestPauseEnded(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(conn *net.TCPConn){
		"closed": func(*net.TCPConn) {},
		"reset":  func(conn *net.TCPConn) { conn.SetLinger(0) },
	} {
		t.Run(name, func(t *testing.T) {
			const messages = 100
			again := make(chan []string, 1)
			var first sync.Once
			c := newPausedClient(t, messages, func(c *pausedClient) {
				first.Do(func() {
					c.answer(t, 3, 4, 6)
					conn := c.server.conn.(*net.TCPConn)
					end(conn)
					conn.Close()
				})
			}, func(p *peer) { p.greet(); again <- p.serve() })
			got, settled := fates(t, messages)
			if err := c.Send(bounded(t), batchOf(messages), settled); err != nil || slices.Contains(got, "") {
				t.Fatalf("%v, fates %q", err, got)
			}
			if err := c.Close(bounded(t)); err != nil {
				t.Error(err)
			}
			want := batchOf(messages)
			want = append(want[3:4], want[5:]...)
			texts := <-again
			if !slices.EqualFunc(texts, want, func(a string, b []byte) bool { return a == string(b) }) {
				t.Errorf("sent again: %q, want %q", texts, want)
			}
		})
	}
}
