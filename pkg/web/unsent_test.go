package web

import (
	"context"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap"
)

// recording is a listener that tells which connections it has accepted.
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
	page := fs.FS(fstest.MapFS{"index.html": &fstest.MapFile{}})
	s, err := New(Config{Stream: tap.New(0), Page: page, Queue: 1, MaxClients: 1, Heartbeat: time.Hour, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended, accepted := make(chan error, 1), make(chan net.Conn, 1)
	go func() { ended <- s.Serve(ctx, ctx, recording{l, accepted}) }()
	answer, err := http.Get("http://" + l.Addr().String() + "/stream")
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
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
