package web

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap"
)

// pipes is a listener in memory: what goes through it waits by the test's clock.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	conn, open := <-p
	if !open {
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (p pipes) Close() error   { close(p); return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p pipes) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	p <- theirs
	return ours, nil
}

// A stream may be silent for longer than a write may take, over HTTP/1.1 and over HTTP/2, whose deadlines end a stream
// that does not write.
func TestSilence(t *testing.T) {
	borrowed := httptest.NewTLSServer(nil)
	borrowed.Close()
	for version := 1; version <= 2; version++ {
		synctest.Test(t, func(t *testing.T) {
			stream := tap.New(0)
			s, err := New(Config{Stream: stream, Page: fstest.MapFS{}, Queue: 10, MaxClients: 10, Heartbeat: time.Hour, Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			s.certificate = &certificate{current: &borrowed.TLS.Certificates[0], logger: s.cfg.Logger}
			ctx, cancel := context.WithCancel(t.Context())
			l, ended := make(pipes), make(chan struct{})
			go func() { defer close(ended); s.Serve(ctx, ctx, l) }() //nolint:errcheck // it ends with ctx
			client := &http.Transport{DialContext: l.dial, ForceAttemptHTTP2: version == 2, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://localhost/stream", nil)
			if err != nil {
				t.Fatal(err)
			}
			answer, err := client.RoundTrip(request)
			if err != nil {
				t.Fatal(err)
			}
			if answer.ProtoMajor != version {
				t.Errorf("%s, want version %d", answer.Proto, version)
			}
			lines, began := bufio.NewReader(answer.Body), time.Now()
			for ; ; time.Sleep(2 * maxStall) {
				stream.Report(tap.Gap{Reason: time.Now().String()})
				line, err := lines.ReadString('\n')
				if err != nil || !strings.HasPrefix(line, "zmqtap: 20") {
					t.Errorf("HTTP/%d: %q, %v", version, line, err)
				}
				if err != nil || time.Since(began) > 5*maxStall {
					break
				}
			}
			cancel()
			io.Copy(io.Discard, answer.Body) //nolint:errcheck // it is over
			<-ended
		})
	}
}

// A client that does not read its answer is ended, whatever it has asked for.
func TestAnswerIsNotRead(t *testing.T) {
	for _, request := range []string{"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "POST /stream HTTP/1.1\r\nHost: localhost\r\n\r\n"} {
		synctest.Test(t, func(t *testing.T) {
			s, err := New(Config{Stream: tap.New(0), Page: fstest.MapFS{"index.html": {Data: make([]byte, 10_000)}}, Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			l, ended := make(pipes), make(chan struct{})
			go func() { defer close(ended); s.Serve(ctx, ctx, l) }() //nolint:errcheck // it ends with ctx
			conn, _ := l.dial(ctx, "", "")
			if _, err := io.WriteString(conn, request); err != nil {
				t.Fatal(err)
			}
			time.Sleep(maxStall + time.Second)
			if answer, err := io.ReadAll(conn); err != nil || len(answer) > 0 {
				t.Errorf("%q is answered %.50q, %v", request, answer, err)
			}
			cancel()
			<-ended
		})
	}
}
