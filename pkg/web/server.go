// Package web serves a stream over long-running HTTP, for browsers, curl and scripts:
//
//	GET /stream?topic=PREFIX&grep=RE&last=N
//
//	    Accept: text/event-stream    Server-Sent Events (WHATWG HTML, 9.2): a message each, its data one line of JSON; "missed" when this
//	                                 reader was too slow for some; "gap" when a publisher's side has lost some. Last-Event-ID goes on
//	                                 where an earlier connection ended
//	    otherwise                    text/plain, a payload a line; lines that begin with "zmqtap: " say what is missing
//
//	GET /                            a page for people, which reads the former
//
// topic may be given several times; grep is a regular expression (RE2) that looks at the payload; last=N begins with the last N messages that are
// remembered. Each reader has a bounded queue of its own in the tap.Stream: one that is too slow misses messages and holds up nobody.
package web

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/listen"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap"
)

// Config is what a Server needs to know.
type Config struct {
	Stream     *tap.Stream
	Page       fs.FS         // what / serves
	Queue      int           // messages that wait for a reader at most
	MaxClients int           // readers at a time
	Heartbeat  time.Duration // how long an event stream is silent at most
	TokenFile  string        // whoever reads the stream must know the bearer token in it; "": anybody may read
	CertFile   string        // TLS, both or none
	KeyFile    string
	Origins    []string // the origins whose pages may read the stream (CORS); "*": all
	Hosts      []string // names by which we may be asked for without a token, besides addresses and this host's own: see guard.go
	Logger     *slog.Logger
}

// queueBytes is how many bytes of messages wait for a reader at most.
const queueBytes = 1 << 20

// maxUnsent is how many bytes the kernel keeps for a reader that does not read, besides those.
const maxUnsent = 128 << 10

// Limits of a request.
const (
	maxHeader     = 16 << 10
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
)

// Server serves one stream.
type Server struct {
	cfg      Config
	instance string        // makes our event IDs different from those of an earlier process
	quit     chan struct{} // closed: readers get what waits for them, and no more
	clients  atomic.Int64

	certificate *certificate // nil: no TLS
}

// New makes a server. It looks at the files that cfg names.
func New(cfg Config) (*Server, error) {
	s := &Server{cfg: cfg, quit: make(chan struct{})}
	var random [4]byte
	rand.Read(random[:]) // never fails
	s.instance = hex.EncodeToString(random[:])
	if cfg.TokenFile != "" {
		if _, err := readToken(cfg.TokenFile); err != nil {
			return nil, err
		}
	}
	if cfg.CertFile != "" {
		s.certificate = &certificate{certFile: cfg.CertFile, keyFile: cfg.KeyFile, logger: cfg.Logger}
		if _, err := s.certificate.get(nil); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Handler returns what answers requests.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/stream", s.guard(http.HandlerFunc(s.stream)))
	mux.Handle("/", secured(onlyGet(http.FileServerFS(s.cfg.Page))))
	return bodiless(s.known(mux))
}

// Clients is the number of readers that are connected.
func (s *Server) Clients() int { return int(s.clients.Load()) }

// Serve answers requests on l until ctx ends. Then no more is accepted, and readers are given what waits for them, for as long as draining
// lasts. A server serves once.
func (s *Server) Serve(ctx, draining context.Context, l net.Listener) error {
	server := &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
			listen.LimitUnsent(conn, maxUnsent) //nolint:errcheck // the kernel holds more, then
			return ctx
		},
		ErrorLog: slog.NewLogLogger(s.cfg.Logger.Handler(), slog.LevelDebug), // what strangers can cause
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		<-ctx.Done()
		close(s.quit)
		if server.Shutdown(draining) != nil {
			server.Close() //nolint:errcheck // it is over
		}
	}()
	var err error
	if s.certificate != nil {
		server.TLSConfig = s.certificate.config()
		err = server.ServeTLS(l, "", "")
	} else {
		err = server.Serve(l)
	}
	if !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	<-ended
	return nil
}
