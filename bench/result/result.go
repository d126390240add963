// Package result is what the measurements find: every sample of every contestant, as JSON; and how two runs compare.
package result

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
)

// File is one or more runs on one machine.
type File struct {
	Machine string `json:"machine"`
	Rows    []Row  `json:"rows"`
}

// Row is what contestants that ran in turn have to be compared for. The first is the reference.
type Row struct {
	Key         string       `json:"key"`
	Title       string       `json:"title"`
	Date        string       `json:"date"`
	Series      string       `json:"series,omitempty"` // rows of one series differ in one number, X
	X           float64      `json:"x,omitempty"`
	Contestants []Contestant `json:"contestants"`
}

// Contestant is a program, or programs, that ran several times.
type Contestant struct {
	Name    string   `json:"name"`
	Ours    bool     `json:"ours,omitempty"` // this repository's programs
	Samples []Sample `json:"samples"`
}

// Sample is the result of one run of a contestant. What is 0 or nil was not measured.
type Sample struct {
	Rate      float64  `json:"rate,omitempty"`          // messages per second, from the first to the last
	CPU       float64  `json:"cpuPerMillion,omitempty"` // CPU seconds of the program per million messages
	Published float64  `json:"published,omitempty"`     // messages per second that went in
	Delivered float64  `json:"delivered,omitempty"`     // the share of what should have been delivered that was
	Latency   *Latency `json:"latencyMilliseconds,omitempty"`
	Usage     []Usage  `json:"processes,omitempty"` // the same processes in every run of a contestant
}

// Latency is how long messages took, in milliseconds.
type Latency struct {
	P50  float64 `json:"p50"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
}

// Usage is what one process used. What is 0 was not measured.
type Usage struct {
	Process string  `json:"process"`
	CPUs    float64 `json:"cpus,omitempty"`          // the share of the time for which it kept one CPU busy; threads add up
	CPU     float64 `json:"cpuPerMillion,omitempty"` // CPU seconds per million messages
	Peak    float64 `json:"peakMiB,omitempty"`       // most resident memory, in MiB
}

// Read reads a file. A file that does not exist is an empty one.
func Read(name string) (f File, err error) {
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return File{}, nil
	}
	if err != nil {
		return File{}, err
	}
	if err := json.Unmarshal(text, &f); err != nil {
		return File{}, fmt.Errorf("%s: %w", name, err)
	}
	return f, nil
}

// Merge puts rows in place of those with the same key, and further ones at the end. Rows of another machine are
// dropped; their number is returned.
func (f *File) Merge(machine string, rows []Row) (dropped int) {
	if f.Machine != machine {
		dropped = len(f.Rows)
		*f = File{Machine: machine}
	}
	for _, r := range rows {
		if i := slices.IndexFunc(f.Rows, func(old Row) bool { return old.Key == r.Key }); i >= 0 {
			f.Rows[i] = r
		} else {
			f.Rows = append(f.Rows, r)
		}
	}
	return dropped
}

// Row returns the row of a key, or nil.
func (f File) Row(key string) *Row {
	for i := range f.Rows {
		if f.Rows[i].Key == key {
			return &f.Rows[i]
		}
	}
	return nil
}

// Contestant returns the contestant of a name, or nil.
func (r Row) Contestant(name string) *Contestant {
	for i := range r.Contestants {
		if r.Contestants[i].Name == name {
			return &r.Contestants[i]
		}
	}
	return nil
}

// Column returns one value of each sample, in ascending order, without those that were not measured.
func (c Contestant) Column(value func(Sample) float64) (sorted []float64) {
	for _, s := range c.Samples {
		if v := value(s); v > 0 {
			sorted = append(sorted, v)
		}
	}
	slices.Sort(sorted)
	return sorted
}
