package relp

import (
	"context"
	"net"
	"slices"
	"testing"
	"time"
)

func TestSendWindow(t *testing.T) {
	t.Parallel()
	const window = 3
	over := make(chan int, 1)
	c, _ := newClient(t, Config{Window: window, Address: fakeServer(t, func(p *peer) {
		p.greet()
		for i := range 20 {
			p.messages(1)
			if i >= window-1 {
				// Everything that the client may send has arrived; anything more is too much.
				p.conn.SetReadDeadline(time.Now().Add(2 * time.Millisecond))
				if f, ok := p.next(); ok {
					over <- f.Txnr
					return
				}
				p.conn.SetReadDeadline(time.Now().Add(patience))
				p.ok(i + 2 - (window - 1))
			}
		}
		p.ok(20, 21)
		p.serve()
	})})
	got, settled := fates(t, 20)
	if err := c.Send(bounded(t), batchOf(20), settled); err != nil {
		t.Fatal(err)
	}
	if slices.Contains(got, "") {
		t.Errorf("fates %q", got)
	}
	select {
	case n := <-over:
		t.Errorf("transaction %d was sent before there was room in the window", n)
	default:
	}
}

// An answer to a message that is not sent yet settles nothing: the message would be lost.
func TestSendAnswerTooEarly(t *testing.T) {
	t.Parallel()
	again := make(chan []string, 1)
	c, logged := newClient(t, Config{Window: 2, Address: fakeServer(t,
		func(p *peer) { p.greet(); p.messages(2); p.ok(4) },
		func(p *peer) { p.greet(); again <- p.serve() },
	)})
	got, settled := fates(t, 4)
	if err := c.Send(bounded(t), batchOf(4), settled); err != nil || slices.Contains(got, "") {
		t.Fatalf("%v, fates %q", err, got)
	}
	if err := c.Close(bounded(t)); err != nil {
		t.Error(err)
	}
	if texts := <-again; !slices.Equal(texts, []string{"m0", "m1", "m2", "m3"}) || logged.count("transaction 4, which is not open") != 1 {
		t.Errorf("sent again: %q; logged:\n%s", texts, &logged.buf)
	}
}

// A server that breaks the protocol and reads no further must not leave the writer waiting.
func TestSendBrokenWhileWriting(t *testing.T) {
	t.Parallel()
	c, _ := newClient(t, Config{Address: "pipe:1"})
	dialled := 0
	c.dial = func(context.Context, string) (net.Conn, error) {
		client, server := net.Pipe() // without a buffer: the writer waits for the reader
		p := &peer{t: t, conn: server}
		if dialled++; dialled == 1 {
			go func() { p.greet(); p.say("garbage\n") }()
		} else {
			go func() { p.greet(); p.serve() }()
		}
		return client, nil
	}
	got, settled := fates(t, 3)
	if err := c.Send(bounded(t), batchOf(3), settled); err != nil || slices.Contains(got, "") {
		t.Fatalf("%v, fates %q", err, got)
	}
}

// The window is full when the connection breaks: the writer must not be left waiting.
func TestSendWindowBroken(t *testing.T) {
	t.Parallel()
	c, _ := newClient(t, Config{Window: 2, Address: fakeServer(t,
		func(p *peer) { p.greet(); p.messages(2); p.ok(2) },
		func(p *peer) { p.greet(); p.serve() },
	)})
	got, settled := fates(t, 9)
	if err := c.Send(bounded(t), batchOf(9), settled); err != nil || slices.Contains(got, "") {
		t.Fatalf("%v, fates %q", err, got)
	}
}

// On a connection without a buffer, a server that writes each answer before it reads on would deadlock
// with a client that does not read while it writes.
func TestSendNoDeadlock(t *testing.T) {
	t.Parallel()
	client, server := net.Pipe()
	served := make(chan struct{})
	go func() {
		p := &peer{t: t, conn: server}
		p.greet()
		p.serve()
		close(served)
	}()
	c, _ := newClient(t, Config{Address: "pipe:1"})
	c.dial = func(context.Context, string) (net.Conn, error) { return client, nil }
	batch := make([][]byte, 300)
	for i := range batch {
		batch[i] = make([]byte, 1000)
	}
	got, settled := fates(t, len(batch))
	if err := c.Send(bounded(t), batch, settled); err != nil || slices.Contains(got, "") {
		t.Fatalf("%v, fates %q", err, got)
	}
	if err := c.Close(bounded(t)); err != nil {
		t.Error(err)
	}
	<-served
}
