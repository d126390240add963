package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/bench/chart"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/bench/result"
)

// ratio is one of the comparisons that count.
type ratio struct{ key, ours, reference, name string }

var ratios = []ratio{
	{"relp", "omzmq --relp, stored, to a C ROUTER", "omrelp to a prompt C server", "RELP, stored : a C RELP server"},
	{"relp", "omzmq --relp, stored, to a C ROUTER", "omczmq PUSH to libzmq, unconfirmed", "the same : omczmq, unconfirmed"},
	{"omprog-pinned", "omzmq push, sent, to libzmq", "C confirmer that blocks", "omprog, pinned : a C program that blocks"},
	{"omprog-free", "omzmq push, sent, to libzmq", "C confirmer that polls", "omprog, free : a C program that polls"},
	{"chain", "omzmq, imzmq, imrelp", "omrelp to imrelp, defaults", "rsyslog to rsyslog : omrelp, defaults"},
	{"chain", "omzmq --relp, imzmq, imrelp", "omrelp to imrelp, defaults", "the same over RELP : omrelp, defaults"},
	{"redis-relp", "omzmq --relp, stored, to imzmq", "rsyslogd, omhiredis mode queue", "Redis, over RELP : omhiredis"},
	{"redis-own", "imzmq router, acknowledged", "redis-benchmark, pipelined RPUSH", "imzmq into Redis : redis-benchmark"},
	{"stdout", "imzmq --socket pull --to -", "PULL on libzmq that prints", "imzmq to stdout : libzmq"},
	{"pushpull", "pkg/zmq", "libzmq", "PUSH to PULL : libzmq"},
	{"curve-200", "pkg/zmq", "libzmq", "the same under CURVE : libzmq"},
	{"journal-relp", "the same with --journal", "omzmq --relp, stored, to imzmq", "RELP, with --journal : without"},
	{"journal-free", "the same with --journal", "omzmq dealer, stored, to imzmq", "omprog, with --journal : without"},
	{"latency-50", "omzmq --relp, stored, imzmq to stdout", "omczmq to imczmq, unconfirmed", "p99 at half rate : omczmq to imczmq"},
}

// of returns our rate over the reference's, or the reference's p99 over ours: of the medians, and the least and most of
// the rounds. More is better.
func (r ratio) of(f result.File) (median, low, high float64, ok bool) {
	row := f.Row(r.key)
	if row == nil {
		return 0, 0, 0, false
	}
	ours, reference := row.Contestant(r.ours), row.Contestant(r.reference)
	if ours == nil || reference == nil {
		return 0, 0, 0, false
	}
	value := func(s sample) float64 { return s.Rate }
	if ours.Samples[0].Latency != nil {
		value = func(s sample) float64 { return 1 / latencyOf(s).P99 }
	}
	var rounds []float64
	for i := range min(len(ours.Samples), len(reference.Samples)) {
		rounds = append(rounds, value(ours.Samples[i])/value(reference.Samples[i]))
	}
	of := func(c *result.Contestant) float64 { return result.Median(c.Column(value)) }
	return of(ours) / of(reference), slices.Min(rounds), slices.Max(rounds), true
}

// ratioChart shows the comparisons that count.
func ratioChart(f result.File) []byte {
	b := chart.Bars{Log: true, Mark: 1, Head: chart.Head{Title: "Against the peers",
		Unit: "ratio of the medians, and of the rounds; more is better, and 1 is as good as the peer; logarithmic"}}
	var g chart.Group
	var about []string
	for _, r := range ratios {
		if median, low, high, ok := r.of(f); ok {
			g.Bars = append(g.Bars, chart.Bar{Name: r.name, Value: median, Low: low, High: high, Accent: true})
			about = append(about, fmt.Sprintf("%s: %s", r.name, chart.Short(median)))
		}
	}
	if len(g.Bars) == 0 {
		return nil
	}
	b.Groups, b.About = []chart.Group{g}, b.Unit+". "+strings.Join(about, "; ")+"."
	return b.SVG()
}
