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
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

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
		if !logged && !s.answersAt(ctx, network, at) {
			logged = true
			s.logger.Error("cannot serve --metrics there; it is tried again, and all else goes on", "at", address, "reason", err)
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
	var reports []*status.Report
	return err == nil && json.Unmarshal(body, &reports) == nil &&
		slices.ContainsFunc(reports, func(r *status.Report) bool { return r.Process == os.Getpid() })
}

// serve serves until ctx ends. of returns whom the answers are about.
func (s *Server) serve(ctx context.Context, l net.Listener, of func(context.Context) answers) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+metricsPath, func(w http.ResponseWriter, r *http.Request) { of(r.Context()).metrics(w) })
	mux.HandleFunc("GET "+status.Path, func(w http.ResponseWriter, r *http.Request) { of(r.Context()).status(w) })
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) { of(r.Context()).health(w) })
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

// others returns the other processes that have the same address.
func (s *Server) others() []running.Name {
	if s.monitor.Source().Metrics == "" {
		return nil
	}
	names, err := running.Find()
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(names, func(n running.Name) bool {
		return n == s.name || n.Group != s.name.Group || n.User != s.name.User
	})
}

// answers are those of one process or more: the metrics' text, and the report. What could not be asked is left out.
type answers struct {
	families map[string]*dto.MetricFamily
	reports  []*status.Report
}

// alone answers for this process.
func (s *Server) alone(context.Context) answers {
	a := answers{families: make(map[string]*dto.MetricFamily), reports: []*status.Report{s.monitor.Report(time.Now())}}
	own, err := s.registry().Gather()
	if err != nil {
		s.logger.Debug("some metrics are missing", "reason", err)
	}
	for _, f := range own {
		a.families[f.GetName()] = f
	}
	return a
}

// all answers for all processes that have the address.
func (s *Server) all(ctx context.Context) answers {
	a := s.alone(ctx)
	mark(a.families, s.name)
	for _, n := range s.others() {
		dial := func(ctx context.Context) (net.Conn, error) { return running.Dial(ctx, n) }
		if body, err := status.Get(ctx, dial, status.Path); err == nil {
			var reports []*status.Report
			json.Unmarshal(body, &reports) //nolint:errcheck // then there are none
			a.reports = append(a.reports, reports...)
		}
		body, err := status.Get(ctx, dial, metricsPath)
		if err != nil {
			continue // it has just ended
		}
		parser := expfmt.NewTextParser(model.UTF8Validation)
		if families, err := parser.TextToMetricFamilies(bytes.NewReader(body)); err == nil {
			mark(families, n)
			a.merge(families)
		}
	}
	return a
}

// mark adds the label of all workers but the first.
func mark(families map[string]*dto.MetricFamily, n running.Name) {
	if n.Place > 1 {
		for _, f := range families {
			label(f, "worker", strconv.Itoa(n.Place))
		}
	}
}

func (a *answers) merge(families map[string]*dto.MetricFamily) {
	for name, f := range families {
		if known := a.families[name]; known != nil && known.GetType() == f.GetType() {
			known.Metric = append(known.Metric, f.Metric...)
		} else if known == nil {
			a.families[name] = f
		}
	}
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
