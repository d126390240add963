// Package web serves a stream over long-running HTTP, for browsers, curl and scripts:
//
//	GET /stream?topic=PREFIX&grep=RE&last=N&raw=1
//
//	    Accept: text/event-stream    Server-Sent Events (WHATWG HTML, 9.2): one event per message, whose
//	                                 data is one line of JSON; "missed" where this reader was too slow;
//	                                 "gap" where messages were lost before they arrived here; with tenants
//	                                 "access" at the beginning, and "end" if the token is taken away.
//	                                 Last-Event-ID continues where an earlier connection ended
//	    otherwise                    text/plain, one payload per line. Lines that begin with "zmqtap: "
//	                                 report what is missing; no payload's line does
//
//	GET /                            a page for people, which reads /stream
//
// topic may be repeated. grep is a regular expression (RE2) that the payload must match. last=N begins with
// the last N remembered messages. Plain text is written for people: what would control a terminal is escaped. raw=1
// leaves all bytes but line feeds and NULs as they are.
//
// Readers may be tenants, who have a token each and see a part of the topics: package tenant. A tenant learns nothing
// of the other messages, not even how many there are.
//
// Each reader has a bounded queue of its own in the tap.Stream: one that is too slow misses messages and delays no
// other.
package web

import (
	"context"
	"crypto/cipher"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/budget"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/listen"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/log"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/web/tenant"
)

// Config configures a Server.
type Config struct {
	Stream     *tap.Stream
	Upstream   *tap.Upstream // Serve watches it, and readers are told of its statuses; nil: they are not
	Page       fs.FS         // what / serves
	Queue      int           // most messages that wait for a reader
	MaxClients int           // most readers at a time
	Heartbeat  time.Duration // the longest silence of an event stream
	TokenFile  string        // holds the bearer token of whoever may read everything; "": there is none
	Tenants    *tenant.File  // the tokens of those who may read a part; nil: there are none. Without both no token is needed
	CertFile   string        // TLS, with KeyFile; both or none
	KeyFile    string
	Origins    []string       // origins whose pages may read the stream (CORS); "*": all
	Hosts      []string       // further names that the Host header may have if there is no token: see guard.go
	Budget     *budget.Budget // bounds what all readers hold; nil: one of budget.Default bytes
	Lanes      *listen.Lanes  // bound how many readers are served at once; nil: no bound
	Logger     *slog.Logger
}

// Bounds of what readers hold.
const (
	// readerCost is what a reader takes of the budget, in bytes: what it writes, and what net/http has for it.
	readerCost = 48 << 10
	// windowShare is the part of the budget for what is sent that the messages have that wait for readers.
	windowShare = 3
	// maxStall is how long a write may wait for a reader. One that has not read for so long is ended.
	maxStall = 2 * time.Minute
)

// queueBytes is how many bytes of messages may wait for a reader.
const queueBytes = 1 << 20

// maxUnsent is how many unsent bytes the kernel holds for a reader, in addition to those in its queue.
const maxUnsent = 128 << 10

// maxHeader is how many bytes a request's header may have.
const maxHeader = 16 << 10

// Server serves one stream.
type Server struct {
	cfg      Config
	instance string        // distinguishes our event IDs from those of an earlier process
	quit     chan struct{} // closed: readers get what waits for them, and no more
	clients  atomic.Int64
	turns    turns        // of readers' filters
	seal     cipher.Block // of the event IDs of those who may read a part

	unusable  log.Limited // for a token file that each request finds unusable
	strangers log.Limited // for what else anyone that connects can cause

	headerTimeout time.Duration // how long a client may take to send a request's header
	idleTimeout   time.Duration // how long a connection may stay open between two requests
	stall         time.Duration // maxStall, unless a test replaces it

	certificate *certificate // nil: no TLS
}

// New returns a server. It reads the files that cfg names, and fails if they are unusable.
func New(cfg Config) (*Server, error) {
	s := &Server{cfg: cfg, quit: make(chan struct{}), turns: newTurns(),
		headerTimeout: 10 * time.Second, idleTimeout: 2 * time.Minute, stall: maxStall}
	if s.cfg.Budget == nil {
		s.cfg.Budget = budget.New(budget.Default, 0)
	}
	var random [4]byte
	rand.Read(random[:]) // never fails
	s.unusable.Logger, s.strangers.Logger = cfg.Logger, cfg.Logger
	s.instance, s.seal = hex.EncodeToString(random[:]), newSeal()
	if err := s.checkTokens(); err != nil {
		return nil, err
	}
	if cfg.CertFile != "" {
		s.certificate = &certificate{certFile: cfg.CertFile, keyFile: cfg.KeyFile, logger: cfg.Logger}
		if _, err := s.certificate.get(nil); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Handler returns the handler of all requests.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/stream", s.guard(s.stream))
	mux.Handle("/", secured(onlyGet(http.FileServerFS(s.cfg.Page))))
	return s.prompt(bodiless(s.known(mux)))
}

// Clients returns the number of connected readers.
func (s *Server) Clients() int { return int(s.clients.Load()) }

// The keys of a connection's *listen.Guest and *listen.Lane in its requests' contexts.
type (
	guestKey struct{}
	laneKey  struct{}
)

// Serve answers requests on l until ctx ends. It then accepts no more connections, and delivers to readers
// what waits for them until draining ends. Serve may be called once.
func (s *Server) Serve(ctx, draining context.Context, l net.Listener) error {
	l = s.cfg.Lanes.Listener(l)
	out := &s.cfg.Budget.Out
	window := s.cfg.Stream.Bound(out.Limit() / windowShare)
	out.Overdraw(window)
	defer out.Give(window)
	server := &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: s.headerTimeout,
		IdleTimeout:       s.idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
			listen.LimitUnsent(conn, maxUnsent) //nolint:errcheck // the kernel then holds more
			ctx = context.WithValue(ctx, laneKey{}, listen.LaneOf(conn))
			return context.WithValue(ctx, guestKey{}, listen.GuestOf(conn))
		},
		ErrorLog: s.strangers.Standard(slog.LevelDebug),
	}
	ended := make(chan struct{})
	defer s.watchTenants(ctx)()
	defer s.watchUpstream(ctx)()
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

// watchTenants follows the tenants' file until ctx ends or stop is called.
func (s *Server) watchTenants(ctx context.Context) (stop func()) {
	if s.cfg.Tenants == nil {
		return func() {}
	}
	return watch(ctx, s.cfg.Tenants.Watch)
}

// watchUpstream follows the publishers until ctx ends or stop is called.
func (s *Server) watchUpstream(ctx context.Context) (stop func()) {
	if s.cfg.Upstream == nil {
		return func() {}
	}
	return watch(ctx, s.cfg.Upstream.Watch)
}

func watch(ctx context.Context, run func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		run(ctx)
	}()
	return func() { cancel(); <-ended }
}
