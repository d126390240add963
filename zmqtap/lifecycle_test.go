package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap/taptest"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// A signal ends it with 0 after what waits has been delivered. A reader that does not read delays that by no
// more than --linger.
func TestServeEnds(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		pub, at := publishing(t)
		p := launch(t, "serve", "--http", "127.0.0.1:0", "--linger", "100ms", "--hwm", "100000", at)
		url := p.logged(`msg=serving at=(\S+)`)
		lines := follow(t, http.DefaultClient, url+"stream")
		publish(t, pub, lines)
		stalled, err := net.Dial("tcp", strings.Trim(strings.TrimPrefix(url, "http:"), "/"))
		if err != nil {
			t.Fatal(err)
		}
		defer stalled.Close()
		fmt.Fprint(stalled, "GET /stream?last=100000 HTTP/1.1\r\nHost: localhost\r\n\r\n")
		if _, err := io.ReadFull(stalled, make([]byte, 12)); err != nil {
			t.Fatal(err)
		}
		// A reader misses what is too much for its queue, so a fixed number of messages may well be fewer
		// than 10 lines. The total is more than the kernel and the queue hold for the stalled reader.
		published := 0
		taptest.Eventually(t, "a part of the stream", func() bool {
			for range 20 {
				pub.Publish([]byte("t"), bytes.Repeat([]byte("x"), 50_000))
			}
			pub.Flush()
			published += 20
			return len(lines) > 10 && published >= 400
		})
		p.signal(signal)
		ended(t, lines)
		p.exits(0)
		p.logged(`msg=end received=[1-9]`)
	}
}

// Timeout sends its signal to the process and to the group that the process is in, and a terminal that closes sends two
// as well. Both together are one.
func TestSignalComesTwice(t *testing.T) {
	t.Parallel()
	for i := range 20 {
		for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP} {
			_, at := publishing(t)
			p := launch(t, "record", filepath.Join(t.TempDir(), fmt.Sprint(i)), at)
			p.logged("peer connected")
			p.signal(s)
			for range 50 {
				p.cmd.Process.Signal(s) //nolint:errcheck // it may have ended
			}
			p.exits(0)
			p.logged("(?m)^0 messages recorded into ")
		}
	}
}

// A second signal kills a process that lingers.
func TestSecondSignal(t *testing.T) {
	p := launch(t, "serve", "--http", "127.0.0.1:0", "--linger", "1h", "--bind", "tcp://127.0.0.1:0")
	url := p.logged(`msg=serving at=(\S+)`)
	at := strings.Trim(strings.TrimPrefix(url, "http:"), "/")
	conn, err := net.Dial("tcp", at) // sends half a request, and is waited for
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET /stream HTTP/1.1\r\n")
	taptest.Eventually(t, "the server", func() bool {
		answer, err := http.Get(url)
		if err == nil {
			answer.Body.Close()
		}
		return err == nil
	})
	p.signal(syscall.SIGTERM)
	taptest.Eventually(t, "the listener to close", func() bool {
		other, err := net.Dial("tcp", at)
		if err == nil {
			other.Close()
		}
		return err != nil
	})
	taptest.Eventually(t, "the signal to kill it", func() bool {
		p.cmd.Process.Signal(syscall.SIGTERM) //nolint:errcheck // it may have ended
		select {
		case <-p.ended:
			return true
		case <-time.After(10 * time.Millisecond):
			return false
		}
	})
	if status := p.cmd.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGTERM {
		t.Errorf("it ended with %v", p.cmd.ProcessState)
	}
}

func TestPortIsTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().String()
	for _, args := range [][]string{
		{"serve", "--http", taken, "tcp://127.0.0.1:1"},
		{"hub", "--http", taken, "--in", "tcp://127.0.0.1:0"},
		{"hub", "--in", "tcp://" + taken, "--out", "tcp://127.0.0.1:0"},
		{"hub", "--out", "tcp://" + taken, "--in", "tcp://127.0.0.1:0"},
		{"serve", "--http", "127.0.0.1:0", "--bind", "tcp://" + taken},
	} {
		p := launch(t, args...)
		p.exits(1)
		if text := p.log(); !strings.Contains(text, "zmqtap "+args[0]+": ") || !strings.Contains(text, taken+": another process holds it") {
			t.Errorf("%q logs %s", args, text)
		}
	}
}

// A Unix socket: the one that a dead process has left is replaced, that of a live process is not, and the end
// removes it.
func TestServeAtUnixSocket(t *testing.T) {
	dir, err := os.MkdirTemp("", "rz-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "http")
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}}
	defer client.CloseIdleConnections()
	pub, at := publishing(t)
	first := launch(t, "serve", "--http", "unix:"+path, at)
	first.logged(`msg=serving at=unix:` + path)
	publish(t, pub, follow(t, client, "http://any.example/stream"))

	second := launch(t, "serve", "--http", "unix:"+path, at)
	second.exits(1)
	second.logged("another process holds it")
	publish(t, pub, follow(t, client, "http://any.example/stream"))

	first.cmd.Process.Kill() //nolint:errcheck // the next line sees
	<-first.ended
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("the killed process has left no socket, so this test tests nothing: %v", err)
	}
	third := launch(t, "serve", "--http", "unix:"+path, at)
	third.logged(`msg=serving at=unix:` + path)
	lines := follow(t, client, "http://any.example/stream")
	publish(t, pub, lines)
	third.signal(syscall.SIGTERM)
	ended(t, lines)
	third.exits(0)
	if _, err := os.Stat(path); err == nil {
		t.Error("its socket is still there")
	}
}

// A hub also ends with 0, despite a subscriber that does not read and a reader over HTTP. While it lives,
// another one cannot take its place.
func TestHubEnds(t *testing.T) {
	dir, err := os.MkdirTemp("", "rz-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	in, out := "ipc://"+filepath.Join(dir, "in"), "ipc://"+filepath.Join(dir, "out")
	args := []string{"hub", "--in", in, "--out", out, "--http", "127.0.0.1:0", "--linger", "100ms", "--replay", "10", "--heartbeat", "0"}
	p := launch(t, args...)
	url := p.logged(`msg=serving at=(\S+)`)
	other := launch(t, args...)
	other.exits(1)
	other.logged("zmqtap hub: cannot bind ipc://.*/out: another process holds it")

	pub, _ := publishing(t)
	if err := pub.Connect(in); err != nil {
		t.Fatal(err)
	}
	lines := follow(t, http.DefaultClient, url+"stream")
	publish(t, pub, lines)
	taken := make(chan *zmq.Batch)
	stalled := taptest.Open(t, zmq.Config{Type: zmq.Sub, Subscribe: []string{"t"}, OnReceive: func(b *zmq.Batch) { taken <- b }})
	defer func() { // it must read on, or its socket does not close
		go func() {
			for b := range taken {
				b.Release()
			}
		}()
	}()
	if err := stalled.Connect(out); err != nil {
		t.Fatal(err)
	}
	(<-taken).Release() // the replay
	taptest.Eventually(t, "a subscriber that is too slow", func() bool {
		for range 10 {
			pub.Publish([]byte("t"), bytes.Repeat([]byte("x"), 200_000))
		}
		pub.Flush()
		return strings.Contains(p.log(), "a subscriber is too slow")
	})
	p.signal(syscall.SIGTERM)
	ended(t, lines)
	p.exits(0)
	p.logged(`msg="messages were still queued for subscribers that did not take them"`)
	for _, path := range []string{"in", "out"} {
		if _, err := os.Stat(filepath.Join(dir, path)); err == nil {
			t.Errorf("the socket %s is still there", path)
		}
	}
}

// A server without a token that other hosts can reach logs a warning.
func TestOpenToAll(t *testing.T) {
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("0123456789abcdef"), 0o600); err != nil {
		t.Fatal(err)
	}
	tokens := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(tokens, []byte("acme 0123456789abcdef acme/\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for flags, warned := range map[string]bool{"0.0.0.0:0": true, "127.0.0.1:0": false, "0.0.0.0:0 --http-token-file " + token: false,
		"0.0.0.0:0 --http-tokens " + tokens: false} {
		p := launch(t, append([]string{"serve", "--bind", "tcp://127.0.0.1:0", "--http"}, strings.Fields(flags)...)...)
		p.logged("msg=serving")
		p.signal(syscall.SIGTERM)
		p.exits(0)
		if strings.Contains(p.log(), "whoever reaches this address reads the stream") != warned {
			t.Errorf("%s: %s", flags, p.log())
		}
	}
}

// With --bind-retry a port that is taken is waited for, and used once it is free.
func TestPortBecomesFree(t *testing.T) {
	for _, args := range [][]string{
		{"serve", "--http", "TAKEN", "tcp://127.0.0.1:1"},
		{"hub", "--http", "TAKEN", "--in", "tcp://127.0.0.1:0"},
		{"hub", "--in", "tcp://TAKEN", "--out", "tcp://127.0.0.1:0"},
		{"hub", "--out", "tcp://TAKEN", "--in", "tcp://127.0.0.1:0"},
		{"serve", "--http", "127.0.0.1:0", "--bind", "tcp://TAKEN"},
		{"--bind", "tcp://TAKEN"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			taken := l.Addr().String()
			for i := range args {
				args[i] = strings.ReplaceAll(args[i], "TAKEN", taken)
			}
			short := launch(t, append(args, "--bind-retry", "20ms", "--reconnect", "5ms")...)
			short.exits(1)
			short.logged(regexp.QuoteMeta(taken) + ": another process holds it")

			stopped := launch(t, append(args, "--bind-retry", "1h")...)
			stopped.logged(`cannot listen; will go on trying" .*endpoint=\S*` + taken)
			stopped.signal(syscall.SIGTERM)
			stopped.exits(0)

			p := launch(t, append(args, "--bind-retry", "1h", "--reconnect", "5ms")...)
			p.logged(`cannot listen; will go on trying" .*endpoint=\S*` + taken)
			l.Close()
			p.logged(`(listening .*|serving )(endpoint|at)=\S*` + taken)
			p.signal(syscall.SIGTERM)
			p.exits(0)
		})
	}
}
