package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/bench/chart"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/bench/result"
)

// chartPrefix begins the name of every file that drawCharts owns.
const chartPrefix = "bench-"

// drawCharts draws the charts of a file of results and removes those that it has no results for.
func drawCharts(from, folder string) error {
	f, err := result.Read(from)
	if err != nil {
		return err
	}
	if len(f.Rows) == 0 {
		return fmt.Errorf("%s has no rows", from)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	charts := charts(f)
	old, err := filepath.Glob(filepath.Join(folder, chartPrefix+"*.svg"))
	for _, name := range old {
		if charts[filepath.Base(name)] == nil {
			err = errors.Join(err, os.Remove(name))
		}
	}
	for name, svg := range charts {
		file := filepath.Join(folder, name)
		if is, readErr := os.ReadFile(file); readErr != nil || !bytes.Equal(is, svg) {
			err = errors.Join(err, os.WriteFile(file, svg, 0o644))
		}
	}
	return err
}

// charts returns the pictures of all results that there are, by file name.
func charts(f result.File) map[string][]byte {
	all := make(map[string][]byte)
	add := func(name string, svg []byte) {
		if svg != nil {
			all[chartPrefix+name+".svg"] = svg
		}
	}
	add("ratios", ratioChart(f))
	rate := func(s sample) float64 { return s.Rate }
	for _, c := range []struct {
		name, title string
		log         bool
		keys        []string
	}{
		{"relp", "Into a confirmed output of rsyslog, over RELP", false, []string{"relp", "relp-pinned", "journal-relp"}},
		{"omprog", "Into omzmq under omprog", false, []string{"omprog-pinned", "omprog-free", "journal-pinned", "journal-free"}},
		{"chain", "From one rsyslog to another", true, []string{"chain"}},
		{"redis", "Into a Redis list", false, []string{"redis-relp", "redis-free", "redis-own"}},
		{"sockets", "Sockets alone", true, []string{"stdout", "pushpull", "curve-200", "curve-4096"}},
	} {
		add(c.name, barChart(f, c.title, "messages per second: median, least and most", c.log, rate, c.keys...))
	}
	add("cpu", barChart(f, "What an output costs", "CPU seconds per million messages: median, least and most", false,
		func(s sample) float64 { return s.CPU }, "cpu"))
	add("memory", barChart(f, "Memory", "peak of resident memory, in MiB: median, least and most", false, firstPeak,
		"memory-idle", "memory-stalled", "memory-stalled-big"))
	add("latency", latencyChart(f, "Latency", "latency-10", "latency-50", "latency-even"))
	const rates = "messages per second: median, least and most"
	add("size", lineChart(f, "size", "Rate and size", rates, "bytes of a message", true, rate))
	add("size-delay", lineChart(f, "size-delay", "Latency and size", "p99 in milliseconds at 250 lines/s: median, least and most",
		"bytes of a message", true, p99))
	add("workers", lineChart(f, "workers", "Rate and workers of rsyslog's queue", rates, "workers", false, rate))
	add("senders", lineChart(f, "senders", "Rate and senders into one receiver", rates, "senders", false, rate))
	add("subscribers", lineChart(f, "hub-libzmq", "Rate and subscribers of one hub", "messages per second that all receive together: "+
		"median, least and most", "subscribers", true, rate))
	add("subscribers-delay", lineChart(f, "hub-delay", "Latency and subscribers of one hub", "p99 in milliseconds at 2,000 messages/s: "+
		"median, least and most", "subscribers", true, p99))
	return all
}

func p99(s sample) float64 { return latencyOf(s).P99 }

func firstPeak(s sample) float64 {
	if len(s.Usage) == 0 {
		return 0
	}
	return s.Usage[0].Peak
}

func latencyOf(s sample) result.Latency {
	if s.Latency == nil {
		return result.Latency{}
	}
	return *s.Latency
}

// barChart has a group for each row that there is.
func barChart(f result.File, title, unit string, log bool, value func(sample) float64, keys ...string) []byte {
	b := chart.Bars{Head: chart.Head{Title: title, Unit: unit}, Log: log}
	if log {
		b.Unit += "; logarithmic"
	}
	var about []string
	for _, key := range keys {
		r := f.Row(key)
		if r == nil {
			continue
		}
		g := chart.Group{Name: r.Title}
		for _, c := range r.Contestants {
			if values := c.Column(value); len(values) > 0 {
				g.Bars = append(g.Bars, chart.Bar{Name: c.Name, Value: result.Median(values), Low: values[0],
					High: values[len(values)-1], Accent: c.Ours})
				about = append(about, fmt.Sprintf("%s: %s", c.Name, chart.Short(result.Median(values))))
			}
		}
		b.Groups = append(b.Groups, g)
	}
	if len(about) == 0 {
		return nil
	}
	b.About = b.Unit + ". " + strings.Join(about, "; ") + "."
	return b.SVG()
}

func latencyChart(f result.File, title string, keys ...string) []byte {
	d := chart.Dots{Head: chart.Head{Title: title, Unit: "milliseconds, medians of all rounds; logarithmic; the figure is p99.9"},
		Kinds: []string{"p50", "p99", "p99.9"}}
	var about []string
	for _, key := range keys {
		r := f.Row(key)
		if r == nil {
			continue
		}
		g := chart.DotGroup{Name: r.Title}
		for _, c := range r.Contestants {
			at := func(value func(result.Latency) float64) float64 {
				return result.Median(c.Column(func(s sample) float64 { return value(latencyOf(s)) }))
			}
			values := []float64{at(func(l result.Latency) float64 { return l.P50 }), at(func(l result.Latency) float64 { return l.P99 }),
				at(func(l result.Latency) float64 { return l.P999 })}
			g.Rows = append(g.Rows, chart.DotRow{Name: c.Name, Values: values, Accent: c.Ours})
			about = append(about, fmt.Sprintf("%s: p50 %s, p99 %s", c.Name, chart.Short(values[0]), chart.Short(values[1])))
		}
		d.Groups = append(d.Groups, g)
	}
	if len(about) == 0 {
		return nil
	}
	d.About = d.Unit + ". " + strings.Join(about, "; ") + "."
	return d.SVG()
}

// binary writes a number that KiB suit in KiB.
func binary(x float64) string {
	if kib := x / 1024; kib >= 1 && kib == math.Trunc(kib) {
		return fmt.Sprintf("%.0f Ki", kib)
	}
	return chart.Short(x)
}

// lineChart has a line for each contestant of a series.
func lineChart(f result.File, series, title, unit, x string, log bool, value func(sample) float64) []byte {
	l := chart.Lines{Head: chart.Head{Title: title, Unit: unit}, XName: x + "; logarithmic", XText: binary, LogY: log}
	if log {
		l.Unit += "; logarithmic"
	}
	rows := slices.DeleteFunc(slices.Clone(f.Rows), func(r result.Row) bool { return r.Series != series })
	slices.SortFunc(rows, func(a, b result.Row) int { return cmp.Compare(a.X, b.X) })
	for _, r := range rows {
		for _, c := range r.Contestants {
			values := c.Column(value)
			if len(values) == 0 {
				continue
			}
			i := slices.IndexFunc(l.Lines, func(line chart.Line) bool { return line.Name == c.Name })
			if i < 0 {
				i = len(l.Lines)
				l.Lines = append(l.Lines, chart.Line{Name: c.Name, Accent: c.Ours})
			}
			l.Lines[i].Points = append(l.Lines[i].Points,
				chart.Point{X: r.X, Y: result.Median(values), Low: values[0], High: values[len(values)-1]})
		}
	}
	if len(l.Lines) == 0 {
		return nil
	}
	var about []string
	for _, line := range l.Lines {
		first, last := line.Points[0], line.Points[len(line.Points)-1]
		about = append(about, fmt.Sprintf("%s: %s at %s, %s at %s", line.Name, chart.Short(first.Y), binary(first.X),
			chart.Short(last.Y), binary(last.X)))
	}
	l.About = l.Unit + ", against " + l.XName + ". " + strings.Join(about, "; ") + "."
	return l.SVG()
}
