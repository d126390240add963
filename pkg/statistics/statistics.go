// Package statistics holds what a program counts. It writes the numbers as rsyslog's impstats writes its counters, a
// line of JSON each, for rsyslog to parse; package metrics publishes them for Prometheus.
package statistics

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// Set is the numbers of a program. Add all of them before the first is asked for.
type Set struct {
	Program    string // as in the names of its metrics: "omzmq"
	start      []byte // of each line
	Numbers    []Number
	Histograms []NamedHistogram
}

// Number is what was counted since the process began, if its name ends with _total, otherwise what is there now.
type Number struct {
	Name  string
	About string        // a sentence without a full stop
	Value func() uint64 // called from any goroutine

	// Label divides the number: Each yields what there is for each value of the label, all of which is less than
	// Value's, or as much. "": it is not divided.
	Label string
	Each  func(yield func(label string, value uint64))
}

// Total reports whether the number only grows.
func (n *Number) Total() bool { return strings.HasSuffix(n.Name, "_total") }

// NamedHistogram is a histogram of a Set.
type NamedHistogram struct {
	Name  string // it ends with its unit
	About string
	*Histogram
}

// New makes an empty set. name is what the operator calls the process.
func New(program, name string) *Set {
	start, err := json.Marshal(struct {
		Name   string `json:"name"`
		Origin string `json:"origin"`
		PID    int    `json:"pid"`
	}{name, program, os.Getpid()})
	if err != nil {
		panic(err) // strings and numbers can be marshalled
	}
	return &Set{Program: program, start: start[:len(start)-1]}
}

// Add adds a number. value is called from any goroutine.
func (s *Set) Add(name, about string, value func() uint64) {
	s.Numbers = append(s.Numbers, Number{Name: name, About: about, Value: value})
}

// AddDivided adds a number that is divided by a label: see Number.
func (s *Set) AddDivided(name, about string, value func() uint64, label string, each func(yield func(string, uint64))) {
	s.Numbers = append(s.Numbers, Number{Name: name, About: about, Value: value, Label: label, Each: each})
}

// AddHistogram adds a histogram. It is not in the lines.
func (s *Set) AddHistogram(name, about string, h *Histogram) {
	s.Histograms = append(s.Histograms, NamedHistogram{name, about, h})
}

// Line returns the numbers as a line with a line feed. The keys name, origin, size and so on are impstats'.
func (s *Set) Line() []byte {
	line := append([]byte(nil), s.start...)
	for _, n := range s.Numbers {
		line = append(append(append(line, `,"`...), n.Name...), `":`...)
		line = strconv.AppendUint(line, n.Value(), 10)
	}
	return append(line, "}\n"...)
}

// Brief returns the numbers that are not 0 as a short text for people: "received 12, peers 1".
func (s *Set) Brief() string {
	var parts []string
	for _, n := range s.Numbers {
		if v := n.Value(); v > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", strings.ReplaceAll(strings.TrimSuffix(n.Name, "_total"), "_", " "), v))
		}
	}
	return strings.Join(parts, ", ")
}

// Every writes a line to w at each interval, and a last one when last is called; 0: it writes none. The caller calls
// last once, when nothing is counted any more.
func (s *Set) Every(interval time.Duration, w io.Writer) (last func()) {
	if interval == 0 {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				w.Write(s.Line()) //nolint:errcheck // nothing else would say it
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() {
		cancel()
		<-ended
		w.Write(s.Line()) //nolint:errcheck // likewise
	}
}
