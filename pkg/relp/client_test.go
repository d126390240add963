package relp

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSend(t *testing.T) {
	t.Parallel()
	arrived := make(chan []string, 1)
	address := fakeServer(t, func(p *peer) { p.greet(); arrived <- p.serve() })
	c, logged := newClient(t, Config{Address: address})
	for _, batch := range [][][]byte{batchOf(3), {}, {[]byte("line\nfeed\x00"), {}}} {
		got, settled := fates(t, len(batch))
		if err := c.Send(bounded(t), batch, settled); err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(got, func(s string) bool { return s != "ok" }) {
			t.Errorf("fates %q", got)
		}
	}
	if err := c.Close(bounded(t)); err != nil {
		t.Error(err)
	}
	if err := c.Close(bounded(t)); err != nil {
		t.Errorf("second Close: %v", err)
	}
	if got, want := <-arrived, []string{"m0", "m1", "m2", "line\nfeed\x00", ""}; !slices.Equal(got, want) {
		t.Errorf("arrived: %q, want %q", got, want)
	}
	if n := logged.count("level"); n != 0 {
		t.Errorf("%d lines logged, although nothing went wrong", n)
	}
}

func TestSendOutOfOrderAndRefusal(t *testing.T) {
	t.Parallel()
	c, _ := newClient(t, Config{Address: fakeServer(t, func(p *peer) {
		p.greet()
		p.messages(4)
		p.ok(5, 2)
		p.say("4 rsp 17 500 no such thing\n")
		p.say("3 rsp 3 200\n")
		p.serve()
	})})
	c.config.Timeout = patience
	got, settled := fates(t, 4)
	var refusal *Refusal
	err := c.Send(bounded(t), batchOf(4), func(i int, err error) {
		settled(i, err)
		errors.As(err, &refusal)
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"ok", "ok", "relp: refused with 500: no such thing", "ok"}; !slices.Equal(got, want) {
		t.Errorf("fates %q, want %q", got, want)
	}
	if refusal == nil || refusal.Code != 500 || refusal.Text != "no such thing" {
		t.Errorf("refusal %+v", refusal)
	}
}

// After each way in which a session can break, the unanswered messages, and only those, are sent again
// in order over a new one.
func TestSendAgain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		breaks func(p *peer)
		logged string
	}{
		{"serverclose", func(p *peer) { p.say("0 serverclose 0\n") }, "server closed the session"},
		{"cut", func(p *peer) {}, "server closed the connection"},
		{"reset", func(p *peer) { p.conn.(*net.TCPConn).SetLinger(0) }, "reset"},
		{"half an answer", func(p *peer) { p.say("5 rsp 6 200") }, "server closed the connection"},
		{"garbage", func(p *peer) { p.say("HTTP/1.1 400 Bad Request\r\n\r\n") }, "malformed frame"},
		{"oversized answer", func(p *peer) { p.say("5 rsp 100000 200 OK") }, "100000 bytes"},
		{"a command", func(p *peer) { p.say("5 syslog 0\n") }, "not for clients"},
		{"an empty answer", func(p *peer) { p.say("5 rsp 0\n") }, "is empty"},
		{"an answer without a code", func(p *peer) { p.say("5 rsp 2 OK\n") }, "three digits"},
		{"an answer to nothing", func(p *peer) { p.ok(7) }, "transaction 7, which is not open"},
		{"an answer to open again", func(p *peer) { p.ok(1) }, "transaction 1, which is not open"},
		{"an answer twice", func(p *peer) { p.ok(2) }, "transaction 2 twice"},
		{"silence", func(p *peer) { p.next() }, "no answer for"},
	} {
		t.Run(c.name, func(t *testing.T) {
			again := make(chan []string, 1)
			client, logged := newClient(t, Config{Timeout: 200 * time.Millisecond, Address: fakeServer(t,
				func(p *peer) { p.greet(); p.messages(5); p.ok(2, 4); c.breaks(p) },
				func(p *peer) { p.greet(); again <- p.messages(3); p.ok(2, 3, 4); p.serve() },
			)})
			got, settled := fates(t, 5)
			if err := client.Send(bounded(t), batchOf(5), settled); err != nil {
				t.Fatal(err)
			}
			if slices.ContainsFunc(got, func(s string) bool { return s != "ok" }) {
				t.Errorf("fates %q", got)
			}
			if got, want := <-again, []string{"m1", "m3", "m4"}; !slices.Equal(got, want) {
				t.Errorf("sent again: %q, want %q", got, want)
			}
			if logged.count("level=WARN") != 1 || logged.count("level=INFO") != 1 || logged.count(c.logged) != 1 {
				t.Errorf("want one warning about %q and one recovery; logged:\n%s", c.logged, &logged.buf)
			}
		})
	}
}

// A server that cannot be reached or refuses the session is tried until it works, and logged once.
func TestSendUntilOpen(t *testing.T) {
	t.Parallel()
	c, logged := newClient(t, Config{Timeout: 200 * time.Millisecond, Address: fakeServer(t,
		func(p *peer) {},
		func(p *peer) { p.next(); p.say("1 rsp 40 500 required command not supported by cli\n") },
		func(p *peer) { p.next(); p.ok(2) },
		func(p *peer) { p.next(); p.say("0 serverclose 0\n") },
		func(p *peer) { p.next(); p.next() },
		func(p *peer) { p.greet() },
		func(p *peer) { p.greet(); p.serve() },
	)})
	got, settled := fates(t, 1)
	if err := c.Send(bounded(t), batchOf(1), settled); err != nil || got[0] != "ok" {
		t.Fatalf("%v, fates %q", err, got)
	}
	if logged.count("level=WARN") != 1 || logged.count("level=INFO") != 1 {
		t.Errorf("want one warning and one recovery; logged:\n%s", &logged.buf)
	}
}

func TestSendNewSessionBeforeNumbersEnd(t *testing.T) {
	t.Parallel()
	sessions := []chan []string{make(chan []string, 1), make(chan []string, 1), make(chan []string, 1)}
	c, logged := newClient(t, Config{Address: fakeServer(t,
		func(p *peer) { p.greet(); sessions[0] <- p.serve() },
		func(p *peer) { p.greet(); sessions[1] <- p.serve() },
		func(p *peer) { p.greet(); sessions[2] <- p.serve() },
	)})
	c.last = 4 // open and three messages
	got, settled := fates(t, 7)
	if err := c.Send(bounded(t), batchOf(7), settled); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(bounded(t)); err != nil {
		t.Fatal(err)
	}
	if slices.Contains(got, "") || logged.count("level") != 0 {
		t.Errorf("fates %q; logged:\n%s", got, &logged.buf)
	}
	for i, want := range [][]string{{"m0", "m1", "m2"}, {"m3", "m4", "m5"}, {"m6"}} {
		if got := <-sessions[i]; !slices.Equal(got, want) {
			t.Errorf("session %d carried %q, want %q", i+1, got, want)
		}
	}
}

// A large message does not leave a large buffer behind.
func TestSendLargeMessage(t *testing.T) {
	t.Parallel()
	arrived := make(chan []string, 1)
	c, _ := newClient(t, Config{Address: fakeServer(t, func(p *peer) { p.greet(); arrived <- p.serve() })})
	got, settled := fates(t, 2)
	if err := c.Send(bounded(t), [][]byte{make([]byte, 1<<19), []byte("small")}, settled); err != nil || slices.Contains(got, "") {
		t.Fatalf("%v, fates %q", err, got)
	}
	if n := cap(c.session.out); n > 2*writeSize {
		t.Errorf("a buffer of %d bytes is left", n)
	}
	if err := c.Close(bounded(t)); err != nil {
		t.Error(err)
	}
	if texts := <-arrived; len(texts) != 2 || len(texts[0]) != 1<<19 || texts[1] != "small" {
		t.Errorf("%d messages arrived", len(texts))
	}
}

func TestSendCancelled(t *testing.T) {
	t.Parallel()
	for _, window := range []int{0, 5} {
		ctx, cancel := context.WithCancel(bounded(t))
		c, _ := newClient(t, Config{Window: window, Address: fakeServer(t, func(p *peer) {
			p.greet()
			p.messages(5)
			p.ok(2, 3, 5)
			p.next()
			for range p.serve() { // until the client hangs up; it gets no answers
			}
		})})
		got, settled := fates(t, 5)
		n := 0
		err := c.Send(ctx, batchOf(5), func(i int, refusal error) {
			settled(i, refusal)
			if n++; n == 3 {
				cancel()
			}
		})
		if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "2 of 5") {
			t.Errorf("error %v, want a cancelled context and two of five", err)
		}
		if want := []string{"ok", "ok", "", "ok", ""}; !slices.Equal(got, want) {
			t.Errorf("fates %q, want %q", got, want)
		}
	}
}
