package metrics

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/status"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/status/running"
)

// answers are those of one process or more: their metrics, or their reports.
type answers struct {
	families map[string]*dto.MetricFamily
	reports  []*status.Report
}

// alone answers for this process.
func (s *Server) alone(_ context.Context, path string) answers {
	if path == status.Path {
		return answers{reports: []*status.Report{s.monitor.Report(time.Now())}}
	}
	own, err := s.registry().Gather()
	if err != nil {
		s.logger.Debug("some metrics are missing", "reason", err)
	}
	a := answers{families: make(map[string]*dto.MetricFamily)}
	for _, f := range own {
		a.families[f.GetName()] = f
	}
	return a
}

// all answers for all processes that have the address. It asks the others at the same time, so that those that are
// stopped do not add up.
func (s *Server) all(ctx context.Context, path string) answers {
	others := s.others()
	told := make([]answers, len(others))
	var asking sync.WaitGroup
	for i, n := range others {
		asking.Go(func() { told[i] = ask(ctx, n, path) })
	}
	a := s.alone(ctx, path)
	mark(a.families, s.name)
	asking.Wait()
	for _, t := range told {
		a.merge(t)
	}
	return a
}

// others returns the other processes of the same program that have the same address.
func (s *Server) others() []running.Name {
	if s.monitor.Source().Metrics == "" {
		return nil
	}
	names, err := running.Find()
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(names, func(n running.Name) bool {
		return n == s.name || n.Program != s.name.Program || n.Group != s.name.Group || n.User != s.name.User
	})
}

// ask asks another process. It returns nothing about one that has just ended, and that it is not well about one that
// does not answer.
func ask(ctx context.Context, n running.Name, path string) (a answers) {
	body, err := status.Get(ctx, func(ctx context.Context) (net.Conn, error) { return running.Dial(ctx, n) }, path)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
	case path == status.Path:
		if err == nil {
			a.reports, err = status.Decode(body)
		}
		if err != nil {
			a.reports = []*status.Report{silent(n, err)}
		}
	case err == nil:
		parser := expfmt.NewTextParser(model.UTF8Validation)
		if families, err := parser.TextToMetricFamilies(bytes.NewReader(body)); err == nil {
			mark(families, n)
			a.families = families
		}
	}
	return a
}

// silent is the report on a process that does not report.
func silent(n running.Name, err error) *status.Report {
	now := time.Now()
	return &status.Report{Program: n.Program, User: strconv.Itoa(n.User), Version: "not known", Started: now,
		Endpoints: []status.Endpoint{}, Peers: []status.Peer{},
		Problems: []status.Problem{{What: fmt.Sprintf("worker %d cannot be asked: %v", n.Place, err), Since: now}}}
}

// mark adds the label of all workers but the first.
func mark(families map[string]*dto.MetricFamily, n running.Name) {
	if n.Place > 1 {
		for _, f := range families {
			label(f, "worker", strconv.Itoa(n.Place))
		}
	}
}

func (a *answers) merge(b answers) {
	a.reports = append(a.reports, b.reports...)
	for name, f := range b.families {
		if known := a.families[name]; known != nil && known.GetType() == f.GetType() {
			known.Metric = append(known.Metric, f.Metric...)
		} else if known == nil {
			a.families[name] = f
		}
	}
}
