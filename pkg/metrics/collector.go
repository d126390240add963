// Package metrics publishes what a program counts, and its state, for Prometheus and for health checks, over HTTP: at
// the address of --metrics, and at the socket at which other programs of ours ask (package running).
//
// Several processes may have the same address, such as the workers of an omprog action. Whoever binds it answers for
// all: it asks the others. Their metrics have the label worker, the process's place among them; the first has none.
package metrics

import (
	"cmp"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	dto "github.com/prometheus/client_model/go"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/statistics"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/status"
)

const (
	// mostPeers is how many peers have metrics of their own: each is a time series.
	mostPeers = 100
	// mostLabel is how many bytes a label's value has at most: some are a peer's or an error's.
	mostLabel = 200
)

// collector turns a program's numbers and its report into metrics.
type collector struct {
	monitor *status.Monitor
	prefix  string
	out     chan<- prometheus.Metric
	rests   *rests
	seen    map[string]bool // the series: one that comes twice would spoil the scrape
}

// newRegistry makes a registry of a program's metrics, and of its process's.
func newRegistry(m *status.Monitor) *prometheus.Registry {
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collectors.NewGoCollector())
	r.MustRegister(collector{monitor: m, prefix: m.Source().Numbers.Program + "_", rests: &rests{most: make(map[string]uint64)}})
	return r
}

// Describe describes nothing: which metrics there are depends on the program.
func (c collector) Describe(chan<- *prometheus.Desc) {}

// Collect collects all metrics of this moment.
func (c collector) Collect(out chan<- prometheus.Metric) {
	c.out, c.seen = out, make(map[string]bool)
	source, report := c.monitor.Source(), c.monitor.Report(time.Now())
	for i := range source.Numbers.Numbers {
		c.number(&source.Numbers.Numbers[i])
	}
	for _, h := range source.Numbers.Histograms {
		count, sum, buckets := h.Read()
		out <- prometheus.MustNewConstHistogram(prometheus.NewDesc(c.prefix+h.Name, h.About, nil, nil), count, sum, buckets)
	}
	c.gauge("build_info", "the version, as a label", 1, "version", source.Version, "goversion", runtime.Version())
	c.gauge("well", "1 if all is well, as /healthz says", truth(report.Well))
	c.gauge("problems", "what is not well, as status says", float64(len(report.Problems)))
	c.endpoints(report)
	c.peers(report)
	c.owed(report)
	c.destination(report)
	if f := report.Failure; f != nil {
		c.gauge("last_failure_timestamp_seconds", "when the last batch failed", seconds(f.At))
		c.gauge("failing", "1 if nothing has succeeded since the last failure", truth(f.Lasts))
	}
}

// number publishes a number of the set. Prometheus wants seconds.
func (c collector) number(n *statistics.Number) {
	kind, name, unit := prometheus.GaugeValue, n.Name, 1.0
	if n.Total() {
		kind = prometheus.CounterValue
	}
	if inSeconds := strings.Replace(name, "_milliseconds", "_seconds", 1); inSeconds != name {
		name, unit = inSeconds, 1e-3
	}
	if n.Label == "" {
		c.out <- prometheus.MustNewConstMetric(prometheus.NewDesc(c.prefix+name, n.About, nil, nil), kind, float64(n.Value())*unit)
		return
	}
	desc := prometheus.NewDesc(c.prefix+name, n.About, []string{n.Label}, nil)
	rest, byLabel := n.Value(), make(map[string]uint64)
	n.Each(func(label string, value uint64) { // peers at a Unix socket have one name
		label = labelOf(label)
		if _, known := byLabel[label]; label != "" && (known || len(byLabel) < mostPeers) {
			byLabel[label] += value
			rest -= min(rest, value)
		}
	})
	for label, value := range byLabel {
		c.out <- prometheus.MustNewConstMetric(desc, kind, float64(value)*unit, label)
	}
	if n.Total() {
		rest = c.rests.grown(n.Name, rest)
	}
	c.out <- prometheus.MustNewConstMetric(desc, kind, float64(rest)*unit, "")
}

// rests are the largest remainders of divided totals so far. What is counted while a total is being divided is missing
// in its remainder, which would go down; Prometheus takes that for a new process, and counts all of it once more.
type rests struct {
	mu   sync.Mutex
	most map[string]uint64
}

func (r *rests) grown(name string, rest uint64) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.most[name] = max(r.most[name], rest)
	return r.most[name]
}

func (c collector) endpoints(r *status.Report) {
	for _, e := range r.Endpoints {
		c.gauge("endpoint_up", "1 if the endpoint listens, or has a connection", truth(e.Up), "endpoint", e.Endpoint)
		c.gauge("endpoint_changed_timestamp_seconds", "since when it is up, or not", seconds(e.Since), "endpoint", e.Endpoint)
		if !e.Up {
			c.gauge("endpoint_failure_info", "why the endpoint is not up, as a label", 1, "endpoint", e.Endpoint,
				"reason", cmp.Or(e.Reason, "no answer yet"))
		}
	}
}

func (c collector) peers(r *status.Report) {
	for _, p := range r.Peers[:min(len(r.Peers), mostPeers)] {
		c.gauge("peer_connected_timestamp_seconds", "since when the peer is connected", seconds(p.Since), "peer", p.Peer)
		c.gauge("peer_queued", "messages that wait for the kernel to take them for the peer", float64(p.Queued), "peer", p.Peer)
		if r.Owed != nil {
			c.gauge("peer_unconfirmed", "messages that the peer has not confirmed", float64(p.Unconfirmed), "peer", p.Peer)
		}
	}
}

func (c collector) owed(r *status.Report) {
	if r.Owed == nil {
		return
	}
	c.gauge("unconfirmed_age_seconds", "how long the oldest unconfirmed message has waited", r.Owed.Oldest)
	c.gauge("refused", "unconfirmed messages that a receiver has refused", float64(r.Owed.Refused))
	if c.monitor.Source().Journal == "" {
		return
	}
	kept, orphaned := 0, 0
	for _, j := range r.Journals {
		kept += j.Unconfirmed
		if j.Process == 0 {
			orphaned += j.Unconfirmed
		}
	}
	c.gauge("journal_room", "0 while there is no room for the journal, and messages are answered only when they are confirmed", truth(r.NoRoom == nil))
	c.gauge("journal_files", "journals in the folder of --journal, of all processes", float64(len(r.Journals)))
	c.gauge("journal_unconfirmed", "unconfirmed messages in them", float64(kept))
	c.gauge("journal_orphaned", "of these, those of processes that have ended", float64(orphaned))
}

func (c collector) destination(r *status.Report) {
	d := r.Destination
	if d == nil {
		return
	}
	waiting := 0.0
	if d.Since != nil {
		waiting = time.Since(*d.Since).Seconds()
	}
	c.gauge("destination_up", "1 unless the destination has stored nothing for a while, although something waits", truth(d.Up))
	c.gauge("destination_wait_seconds", "how long the destination has been waited for", waiting)
}

// gauge publishes a value with labels, which come as names and values in turn, unless there is one with these labels.
func (c collector) gauge(name, about string, value float64, labels ...string) {
	var names, values []string
	for i := 0; i < len(labels); i += 2 {
		names, values = append(names, labels[i]), append(values, labelOf(labels[i+1]))
	}
	if series := name + "\x00" + strings.Join(values, "\x00"); !c.seen[series] {
		c.seen[series] = true
		c.out <- prometheus.MustNewConstMetric(prometheus.NewDesc(c.prefix+name, about, names, nil), prometheus.GaugeValue, value, values...)
	}
}

func labelOf(text string) string {
	return strings.ToValidUTF8(text[:min(len(text), mostLabel)], "")
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func truth(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// label adds a label to all metrics of a family.
func label(f *dto.MetricFamily, name, value string) {
	for _, m := range f.Metric {
		m.Label = append(m.Label, &dto.LabelPair{Name: &name, Value: &value})
	}
}
