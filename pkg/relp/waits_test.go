package relp

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// When the server cannot be reached, ctx ends the wait between attempts, and the error names the reason.
func TestSendNobodyThere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, logged := newClient(t, Config{Address: "nobody:1", Reconnect: 100 * time.Millisecond, ReconnectMax: 2 * time.Second})
		var at []time.Time
		c.dial = func(context.Context, string) (net.Conn, error) {
			at = append(at, time.Now())
			return nil, errors.New("nobody answers")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := c.Send(ctx, batchOf(2), func(i int, _ error) { t.Errorf("message %d settled", i) })
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "nobody answers") {
			t.Errorf("error %v", err)
		}
		wait := 100 * time.Millisecond
		for i := 1; i < len(at); i++ {
			if d := at[i].Sub(at[i-1]); d < wait/2 || d > wait {
				t.Errorf("attempt %d after %v, want %v to %v", i+1, d, wait/2, wait)
			}
			wait = min(2*wait, 2*time.Second)
		}
		if len(at) < 30 || logged.count("level") != 1 {
			t.Errorf("%d attempts in a minute, %d lines logged", len(at), logged.count("level"))
		}
	})
}

// The default timeout is 90 s without a byte, and every byte begins it anew.
func TestSendSilence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, _ := newClient(t, Config{Address: "silent:1"})
		var dialled []time.Time
		c.dial = func(context.Context, string) (net.Conn, error) {
			dialled = append(dialled, time.Now())
			client, server := net.Pipe()
			go func() {
				defer server.Close()
				p := &peer{t: t, conn: server}
				p.greet()
				p.messages(2)
				if len(dialled) == 1 {
					time.Sleep(89 * time.Second)
					p.ok(2)
					p.messages(1)
					p.next() // the client hangs up
					return
				}
				p.ok(2, 3)
				p.serve()
			}()
			return client, nil
		}
		got, settled := fates(t, 3)
		c.config.Window = 2
		if err := c.Send(t.Context(), batchOf(3), settled); err != nil || slices.Contains(got, "") {
			t.Errorf("%v, fates %q", err, got)
		}
		if len(dialled) != 2 || dialled[1].Sub(dialled[0]).Round(time.Second) != 179*time.Second {
			t.Errorf("connected at %v", dialled)
		}
		c.Close(t.Context())
	})
}

// After a message was answered, the next failure begins with the short wait again.
func TestWaitsBeginAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, logged := newClient(t, Config{Address: "flaky:1", Reconnect: 100 * time.Millisecond, ReconnectMax: time.Hour})
		var at []time.Time
		c.dial = func(context.Context, string) (net.Conn, error) {
			at = append(at, time.Now())
			if n := len(at); n != 8 && n != 10 {
				return nil, errors.New("nobody answers")
			}
			client, server := net.Pipe()
			go func() {
				defer server.Close()
				p := &peer{t: t, conn: server}
				p.greet()
				p.messages(1)
				p.ok(2)
			}()
			return client, nil
		}
		for range 2 {
			got, settled := fates(t, 1)
			if err := c.Send(t.Context(), batchOf(1), settled); err != nil || got[0] != "ok" {
				t.Fatalf("%v, fates %q", err, got)
			}
			c.drop()
		}
		if wait := at[7].Sub(at[6]); wait < 3*time.Second {
			t.Errorf("the 7th wait is only %v", wait)
		}
		if wait := at[9].Sub(at[8]); wait > 100*time.Millisecond {
			t.Errorf("the first wait after the recovery is %v", wait)
		}
		if logged.count("level=WARN") != 2 || logged.count("level=INFO") != 2 {
			t.Errorf("want two warnings and two recoveries; logged:\n%s", &logged.buf)
		}
	})
}

// ctx ends the opening of a session with a server that does not answer, and the connection is closed.
func TestConnectCancelled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, _ := newClient(t, Config{Address: "silent:1"})
		client, server := net.Pipe()
		c.dial = func(context.Context, string) (net.Conn, error) { return client, nil }
		closed := make(chan struct{})
		go func() {
			p := &peer{t: t, conn: server}
			p.next()
			p.next() // until the client closes the connection
			close(closed)
		}()
		begin := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.Connect(ctx); err == nil {
			t.Error("connected, although the server did not answer")
		}
		if d := time.Since(begin); d != time.Second {
			t.Errorf("it took %v, want 1s", d)
		}
		<-closed
	})
}

// A server that accepts the connection and reads nothing is given up after Timeout.
func TestConnectUnread(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, _ := newClient(t, Config{Address: "deaf:1", Timeout: time.Minute})
		client, _ := net.Pipe() // without a buffer: a write waits for a read
		c.dial = func(context.Context, string) (net.Conn, error) { return client, nil }
		begin := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := c.Connect(ctx); err == nil || time.Since(begin) != time.Minute {
			t.Errorf("%v after %v, want an error after a minute", err, time.Since(begin))
		}
	})
}

// A session that the server refuses is closed.
func TestConnectRefused(t *testing.T) {
	t.Parallel()
	closed := make(chan struct{})
	c, _ := newClient(t, Config{Address: fakeServer(t, func(p *peer) {
		p.next()
		p.say("1 rsp 6 500 no\n")
		p.next() // until the client closes the connection
		close(closed)
	})})
	if err := c.Connect(bounded(t)); err == nil {
		t.Error("connected, although the server refused")
	}
	select {
	case <-closed:
	case <-time.After(patience / 2):
		t.Error("the connection is still open")
	}
}

func TestClose(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		answer func(p *peer)
	}{
		{"empty answer", func(p *peer) { p.next(); p.say("3 rsp 0\n") }},
		{"answer with a code", func(p *peer) { p.next(); p.ok(3) }},
		{"serverclose first", func(p *peer) { p.next(); p.say("0 serverclose 0\n") }},
		{"hangs up", func(p *peer) { p.next() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			client, _ := newClient(t, Config{Address: fakeServer(t, func(p *peer) { p.greet(); p.messages(1); p.ok(2); c.answer(p) })})
			if err := client.Send(bounded(t), batchOf(1), func(int, error) {}); err != nil {
				t.Fatal(err)
			}
			if err := client.Close(bounded(t)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestCloseCancelled(t *testing.T) {
	t.Parallel()
	client, _ := newClient(t, Config{Address: fakeServer(t, func(p *peer) { p.greet(); p.next(); p.next() })})
	if err := client.Connect(bounded(t)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	if err := client.Close(ctx); err == nil {
		t.Error("Close succeeded, although the server did not answer")
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	log := slog.New(slog.DiscardHandler)
	for _, c := range []struct {
		config Config
		err    string
	}{
		{Config{Address: "127.0.0.1:2514", Logger: log}, ""},
		{Config{Address: "[::1]:2514", Logger: log, Reconnect: time.Minute}, ""},
		{Config{Address: "127.0.0.1", Logger: log}, "host:port"},
		{Config{Address: ":2514", Logger: log}, "host:port"},
		{Config{Address: "127.0.0.1:", Logger: log}, "host:port"},
		{Config{Address: "::1:2514", Logger: log}, "host:port"},
		{Config{Address: "127.0.0.1:2514"}, "logger"},
		{Config{Address: "a:1", Logger: log, Window: -1}, "negative"},
		{Config{Address: "a:1", Logger: log, Reconnect: time.Second, ReconnectMax: time.Millisecond}, "shorter"},
	} {
		_, err := NewClient(c.config)
		if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%+v: %v, want an error with %q", c.config, err, c.err)
		}
	}
}
