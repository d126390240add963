package page_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/syslog"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/web/page"
)

const (
	policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
	patience = 30 * time.Second
)

// server serves the page as package web does, and lets the test play the stream.
type server struct {
	*httptest.Server
	t       *testing.T
	readers chan *reader
	samples chan *reader  // those that look which topics there are
	done    chan struct{} // closed at the end of the test

	mu       sync.Mutex
	requests []string // the requested URLs
}

// reader is one request for the stream, which the test answers.
type reader struct {
	t      *testing.T
	query  url.Values
	header http.Header
	gone   <-chan struct{} // closed when the browser has disconnected
	parts  chan []byte     // the body; closed to end the answer
	status chan answer     // how the answer begins
}

// answer is the beginning of an answer. Status 200 begins a stream.
type answer struct {
	status int
	body   string
}

func newServer(t *testing.T) *server {
	s := &server{t: t, readers: make(chan *reader, 16), samples: make(chan *reader, 16), done: make(chan struct{})}
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(page.Files))
	mux.HandleFunc("GET /stream", s.stream)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.requests = append(s.requests, r.URL.String())
		s.mu.Unlock()
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		close(s.done)
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

func (s *server) stream(w http.ResponseWriter, r *http.Request) {
	reader := &reader{
		t: s.t, query: r.URL.Query(), header: r.Header, gone: r.Context().Done(),
		parts: make(chan []byte), status: make(chan answer),
	}
	readers := s.readers
	if reader.query.Get("last") == "1000" {
		readers = s.samples
	}
	select {
	case readers <- reader:
	case <-s.done:
		return
	}
	select {
	case a := <-reader.status:
		if a.status != http.StatusOK {
			http.Error(w, a.body, a.status)
			return
		}
	case <-s.done:
		return
	case <-reader.gone:
		return
	}
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	s.play(w, reader)
}

// play writes the parts that the test sends, each in a chunk of its own.
func (s *server) play(w http.ResponseWriter, reader *reader) {
	flush := http.NewResponseController(w).Flush
	for {
		if flush() != nil {
			return
		}
		select {
		case part, ok := <-reader.parts:
			if !ok {
				return
			}
			if _, err := w.Write(part); err != nil {
				return
			}
		case <-reader.gone:
			return
		case <-s.done:
			return
		}
	}
}

// next returns the next request for the stream.
func (s *server) next() *reader {
	s.t.Helper()
	select {
	case r := <-s.readers:
		return r
	case <-time.After(patience):
		s.t.Fatalf("no request for the stream after %v", patience)
		return nil
	}
}

// live returns the next request for the stream, and answers it with a stream.
func (s *server) live() *reader {
	s.t.Helper()
	r := s.next()
	r.answer(http.StatusOK, "")
	return r
}

func (r *reader) answer(status int, body string) {
	r.t.Helper()
	select {
	case r.status <- answer{status, body}:
	case <-r.gone:
		r.t.Fatal("the page has disconnected before the answer")
	}
}

// send writes text as it is.
func (r *reader) send(text string) {
	r.t.Helper()
	select {
	case r.parts <- []byte(text):
	case <-r.gone:
		r.t.Fatal("the page has closed the connection")
	}
}

// end ends the answer.
func (r *reader) end() { close(r.parts) }

// line sends the event of a message.
func (r *reader) line(id int, topic, message string) {
	r.t.Helper()
	r.send(event(id, topic, message))
}

// event returns the event of a message that was received now.
func event(id int, topic, message string) string {
	return eventAt(id, topic, message, time.Now())
}

func eventAt(id int, topic, payload string, at time.Time) string {
	m := message.Message{Topic: []byte(topic), HasTopic: true, Payload: []byte(payload), Received: at}
	return fmt.Sprintf("id: %d\ndata: %s\n\n", id, syslog.AppendJSON(nil, &m))
}

// events returns the events of n messages: "PREFIX first", the next number, and so on.
func events(first, n int, prefix string) string {
	var b strings.Builder
	for i := first; i < first+n; i++ {
		b.WriteString(event(i, "app.info", fmt.Sprintf("%s %d", prefix, i)))
	}
	return b.String()
}

// asked returns the requested URLs.
func (s *server) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.requests...)
}
