package metrics

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/listen"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/status"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/status/running"
)

const (
	metricsPath = "/metrics"
	// mostConnections is how many askers there may be at a time.
	mostConnections = 64
	// rebind is the time between attempts to bind an address that another process holds.
	rebind = 2 * time.Second
	// reask is the time between questions to the process that holds it: each makes it ask all others.
	reask = time.Minute
)

// Server answers about a program.
type Server struct {
	monitor  *status.Monitor
	logger   *slog.Logger
	registry func() *prometheus.Registry // made when the first asks: it takes memory
	name     running.Name                // our own; the zero name: we have none, and nobody finds us
}

// Serve answers until ctx ends: at a socket of its own, and at address, if it is not "". Neither may stop the program:
// what cannot be bound is logged, and tried again.
func Serve(ctx context.Context, m *status.Monitor, address string, logger *slog.Logger) {
	s := &Server{monitor: m, logger: logger, registry: sync.OnceValue(func() *prometheus.Registry { return newRegistry(m) })}
	var serving sync.WaitGroup
	defer serving.Wait()
	own, name, err := running.Listen(m.Source().Numbers.Program, running.GroupOf(address))
	if err != nil {
		logger.Warn("status does not find this process: it cannot listen at a socket of its own", "reason", err)
	} else {
		s.name = name
		serving.Go(func() { s.serve(ctx, own, s.alone) })
	}
	if address != "" {
		s.serveAddress(ctx, address)
	}
	<-ctx.Done()
}

// serveAddress binds an address, as soon as no other process holds it, and answers there for all that have it.
func (s *Server) serveAddress(ctx context.Context, address string) {
	network, at, err := listen.Address(address)
	var asked time.Time
	for logged := false; ; {
		var l net.Listener
		if err == nil {
			l, err = listen.Listen(network, at)
		}
		if err == nil {
			s.logger.Info("serving metrics", "at", l.Addr().String())
			s.serve(ctx, listen.NewGate(mostConnections, "they ask at --metrics; close that address to strangers", s.logger).Listener(l), s.all)
			return
		}
		if !logged && time.Since(asked) > reask {
			if asked = time.Now(); !s.answersAt(ctx, network, at) {
				logged = true
				s.logger.Error("cannot serve --metrics there; it is tried again, and all else goes on", "at", address, "reason", err)
			}
		}
		select {
		case <-time.After(rebind):
			err = nil
		case <-ctx.Done():
			return
		}
	}
}

// answersAt reports whether another process answers for this one at an address.
func (s *Server) answersAt(ctx context.Context, network, address string) bool {
	body, err := status.Get(ctx, func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, address)
	}, status.Path)
	if err != nil {
		return false
	}
	reports, err := status.Decode(body)
	return err == nil && slices.ContainsFunc(reports, func(r *status.Report) bool { return r.Process == os.Getpid() })
}

// serve serves until ctx ends. of returns what those say of themselves that the
// answers are about: at metricsPath their metrics, at status.Path their reports.
func (s *Server) serve(ctx context.Context, l net.Listener, of func(ctx context.Context, path string) answers) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+metricsPath, func(w http.ResponseWriter, r *http.Request) { of(r.Context(), metricsPath).metrics(w) })
	mux.HandleFunc("GET "+status.Path, func(w http.ResponseWriter, r *http.Request) { of(r.Context(), status.Path).status(w) })
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) { of(r.Context(), status.Path).health(w) })
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "%s\n/metrics for Prometheus, /healthz: 503 if something is wrong, /livez, /status: all as JSON\n",
			s.monitor.Source().Program)
	})
	server := &http.Server{Handler: mux, ReadTimeout: 5 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: time.Minute,
		MaxHeaderBytes: 8 << 10, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	defer context.AfterFunc(ctx, func() { server.Close() })()
	server.Serve(l) //nolint:errcheck // it ends with ctx
}

func (a answers) metrics(w http.ResponseWriter) {
	w.Header().Set("Content-Type", string(expfmt.NewFormat(expfmt.TypeTextPlain)))
	names := make([]string, 0, len(a.families))
	for name := range a.families {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		expfmt.MetricFamilyToText(w, a.families[name]) //nolint:errcheck // the asker is gone
	}
}

func (a answers) status(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(a.reports) //nolint:errcheck // the asker is gone
}

// health answers 200 if all is well, else 503 and what is not.
func (a answers) health(w http.ResponseWriter) {
	var wrong bytes.Buffer
	for _, r := range a.reports {
		for _, p := range r.Problems {
			fmt.Fprintf(&wrong, "%s %d: %s, for %v\n", r.Program, r.Process, p.What, time.Since(p.Since).Round(time.Second))
		}
	}
	if wrong.Len() == 0 {
		io.WriteString(w, "ok\n") //nolint:errcheck // the asker is gone
		return
	}
	w.WriteHeader(http.StatusServiceUnavailable)
	w.Write(wrong.Bytes()) //nolint:errcheck // the asker is gone
}
