package web

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap/taptest"
)

// recording is a listener that records the connections that it accepts.
type recording struct {
	net.Listener
	accepted chan net.Conn
}

func (r recording) Accept() (net.Conn, error) {
	conn, err := r.Listener.Accept()
	if err == nil {
		r.accepted <- conn
	}
	return conn, err
}

// The kernel must not hold megabytes for a reader that does not read.
func TestLittleWaitsInTheKernelForReaders(t *testing.T) {
	accepted := make(chan net.Conn, 1)
	at := run(t, newServer(t), accepted)
	answer, err := http.Get("http://" + at + "/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	raw, err := (<-accepted).(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var limit int
	var failed error
	err = raw.Control(func(fd uintptr) {
		limit, failed = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT)
	})
	if err != nil || failed != nil || limit != maxUnsent {
		t.Errorf("%d bytes may wait (%v, %v), want %d", limit, err, failed, maxUnsent)
	}
}

func newServer(t *testing.T) *Server {
	t.Helper()
	page := fs.FS(fstest.MapFS{"index.html": &fstest.MapFile{}})
	s, err := New(Config{Stream: tap.New(0), Page: page, Queue: 1, MaxClients: 1, Heartbeat: time.Hour, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// run serves on a free port until the test ends, and returns its address. accepted gets the connections; it
// must have room for them.
func run(t *testing.T, s *Server, accepted chan net.Conn) (at string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, ctx, recording{l, accepted}) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

// A connection on which no request arrives is closed, before the first request and between two of them. Each
// limit is tested with the other out of reach.
func TestSilentConnectionsAreClosed(t *testing.T) {
	for name, test := range map[string]struct {
		header, idle time.Duration
		send, want   string
	}{
		"nothing is sent":        {time.Millisecond, time.Hour, "", ""},
		"a header has no end":    {time.Millisecond, time.Hour, "GET / HTTP/1.1\r\nHost: localhost\r\n", ""},
		"after the first answer": {time.Hour, time.Millisecond, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 200 OK"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			s.headerTimeout, s.idleTimeout = test.header, test.idle
			conn, err := net.Dial("tcp", run(t, s, make(chan net.Conn, 1)))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
				t.Fatal(err)
			}
			// A connection that gets no answer may already be closed.
			if _, err := io.WriteString(conn, test.send); err != nil && test.want != "" {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(conn); errors.Is(err, os.ErrDeadlineExceeded) || !strings.HasPrefix(string(got), test.want) {
				t.Errorf("read %q, %v", got, err)
			}
		})
	}
}

// A reader that does not read is ended once a write has waited for too long.
func TestStalledReadersAreEnded(t *testing.T) {
	for name, accept := range map[string]string{"plain": "", "events": "Accept: text/event-stream\r\n"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source, s := taptest.New(t), newServer(t)
			s.stall = 50 * time.Millisecond
			conn, err := net.Dial("tcp", run(t, s, make(chan net.Conn, 1)))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := io.WriteString(conn, "GET /stream HTTP/1.1\r\nHost: localhost\r\n"+accept+"\r\n"); err != nil {
				t.Fatal(err)
			}
			taptest.Eventually(t, "the reader", func() bool { return s.Clients() == 1 })
			b := source.Batch([]string{strings.Repeat("x", 500_000)})
			taptest.Eventually(t, "its end", func() bool {
				s.cfg.Stream.Publish(b)
				return s.Clients() == 0
			})
			b.Release()
		})
	}
}

// New sets the limits.
func TestNewLimitsSilence(t *testing.T) {
	if s := newServer(t); s.headerTimeout <= 0 || s.idleTimeout <= 0 || s.headerTimeout > time.Minute || s.idleTimeout > time.Hour || s.stall != maxStall {
		t.Errorf("header %v, idle %v", s.headerTimeout, s.idleTimeout)
	}
}
