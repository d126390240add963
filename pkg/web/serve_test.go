package web_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/listen"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap/taptest"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/web"
)

// patience bounds every wait; reaching it is always a failure.
const patience = 30 * time.Second

// served is a running server and the stream that it serves.
type served struct {
	t      *testing.T
	stream *tap.Stream
	source *taptest.Source
	server *web.Server
	log    *log
	at     string        // host:port, or the socket's path
	stop   func()        // ends serving; what waits is still delivered
	cut    func()        // ends the delivery
	ended  chan struct{} // Serve has returned
	err    error         // what it returned
}

// log collects what was logged.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

const page = "<!doctype html><title>page</title>"

// serve serves a stream on a free port, or on listener.
func serve(t *testing.T, cfg web.Config, listener ...net.Listener) *served {
	t.Helper()
	s := &served{t: t, stream: cfg.Stream, source: taptest.New(t), log: new(log), ended: make(chan struct{})}
	if s.stream == nil {
		s.stream = tap.New(1 << 20)
	}
	cfg.Stream, cfg.Page = s.stream, fstest.MapFS{"index.html": {Data: []byte(page)}}
	cfg.Logger = slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	orDefault(&cfg.Lanes, listen.NewLanes())
	orDefault(&cfg.Queue, 1000)
	orDefault(&cfg.MaxClients, 1000)
	orDefault(&cfg.Heartbeat, time.Hour)
	var err error
	if s.server, err = web.New(cfg); err != nil {
		t.Fatal(err)
	}
	if len(listener) == 0 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		listener = append(listener, l)
	}
	s.at = listener[0].Addr().String()
	ctx, stop := context.WithCancel(context.Background())
	draining, cut := context.WithCancel(context.Background())
	s.stop, s.cut = stop, cut
	go func() {
		defer close(s.ended)
		s.err = s.server.Serve(ctx, draining, listener[0])
	}()
	t.Cleanup(func() { stop(); cut(); s.wait(); s.left(cfg.Lanes) })
	return s
}

func orDefault[T comparable](value *T, fallback T) {
	var zero T
	if *value == zero {
		*value = fallback
	}
}

// left waits until no reader is in a lane.
func (s *served) left(lanes *listen.Lanes) {
	left := make(chan struct{})
	go func() {
		defer close(left)
		var all []*listen.Lane
		for range runtime.GOMAXPROCS(0) {
			all = append(all, lanes.Lane())
			all[len(all)-1].Enter()
		}
		for _, lane := range all {
			lane.Leave()
		}
	}()
	select {
	case <-left:
	case <-time.After(patience):
		s.t.Error("a reader that has gone is still in a lane")
	}
}

// wait waits for Serve to return.
func (s *served) wait() {
	s.t.Helper()
	select {
	case <-s.ended:
		if s.err != nil {
			s.t.Errorf("Serve: %v", s.err)
		}
	case <-time.After(patience):
		s.t.Error("Serve does not return")
	}
}

// publish publishes messages, each of which is its frames with a | between.
func (s *served) publish(messages ...string) {
	s.t.Helper()
	var all [][]string
	for _, m := range messages {
		all = append(all, strings.Split(m, "|"))
	}
	s.source.Give(s.stream.Publish, all...)
}

// readers waits until the stream has n readers.
func (s *served) readers(n int) {
	s.t.Helper()
	taptest.Eventually(s.t, fmt.Sprintf("%d readers", n), func() bool { return s.stream.Readers() == n && s.server.Clients() >= n })
}

// answer is a response whose body is read in pieces.
type answer struct {
	*http.Response
	t    *testing.T
	body *bufio.Reader
}

// get requests a path. Each header is "Name: value".
func (s *served) get(path string, headers ...string) *answer {
	s.t.Helper()
	return s.do(http.MethodGet, path, headers...)
}

func (s *served) do(method, path string, headers ...string) *answer {
	s.t.Helper()
	return s.ask(&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, "http://"+s.at, method, path, headers...)
}

func (s *served) ask(client *http.Client, at, method, path string, headers ...string) *answer {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	s.t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, method, at+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		if name == "Host" {
			r.Host = value
		}
		r.Header.Add(name, value)
	}
	response, err := client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { response.Body.Close() })
	return &answer{response, s.t, bufio.NewReader(response.Body)}
}

// read reads n bytes of the body.
func (a *answer) read(n int) string {
	a.t.Helper()
	b := make([]byte, n)
	if got, err := io.ReadFull(a.body, b); err != nil {
		a.t.Fatalf("%v after %q", err, b[:got])
	}
	return string(b)
}

// expect reads as many bytes as want has, and compares them.
func (a *answer) expect(want string) {
	a.t.Helper()
	if got := a.read(len(want)); got != want {
		a.t.Fatalf("read %.300q, want %.300q", got, want)
	}
}

// line reads a line, without its end.
func (a *answer) line() string {
	a.t.Helper()
	line, err := a.body.ReadString('\n')
	if err != nil {
		a.t.Fatalf("%v after %q", err, line)
	}
	return line[:len(line)-1]
}

// event is a Server-Sent Event.
type event struct{ id, name, data string }

// event reads the next event as a browser does, without comments.
func (a *answer) event() (e event) {
	a.t.Helper()
	for {
		name, value, _ := strings.Cut(a.line(), ": ")
		switch name {
		case "id":
			e.id = value
		case "event":
			e.name = value
		case "data":
			e.data += value
		case "":
			if e != (event{}) {
				return e
			}
		}
	}
}

// rest returns the remaining body, which must end properly.
func (a *answer) rest() string {
	a.t.Helper()
	text, err := io.ReadAll(a.body)
	if err != nil {
		a.t.Fatalf("%v after %.200q", err, text)
	}
	return string(text)
}

// status checks the answer's status, and a part of its body.
func (a *answer) status(want int, part string) {
	a.t.Helper()
	if a.StatusCode != want {
		a.t.Errorf("status %s, want %d", a.Status, want)
		return
	}
	if part != "" {
		if text := a.rest(); !strings.Contains(text, part) {
			a.t.Errorf("the body is %q, without %q", text, part)
		}
	}
}

// plain and events request the stream, and return when the reader has joined it.
func (s *served) plain(query string, headers ...string) *answer { return s.join(query, headers) }

func (s *served) events(query string, headers ...string) *answer {
	return s.join(query, append(headers, "Accept: text/event-stream"))
}

func (s *served) join(query string, headers []string) *answer {
	s.t.Helper()
	n := s.stream.Readers()
	a := s.get("/stream"+query, headers...)
	if a.StatusCode != http.StatusOK {
		s.t.Fatalf("status %s: %s", a.Status, a.rest())
	}
	s.readers(n + 1)
	return a
}

// raw opens a connection and writes request to it.
func (s *served) raw(request string) net.Conn {
	s.t.Helper()
	network := "tcp"
	if strings.HasPrefix(s.at, "/") {
		network = "unix"
	}
	conn, err := net.Dial(network, s.at)
	if err == nil {
		err = conn.SetDeadline(time.Now().Add(patience))
	}
	if err == nil {
		_, err = io.WriteString(conn, request)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	return conn
}

func discard() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }
