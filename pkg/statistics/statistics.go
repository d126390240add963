// Package statistics writes what a program counts as rsyslog's impstats writes its counters: a line of JSON each, for
// rsyslog to parse.
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

// Set is the numbers of a program. Add all of them before the first line is written.
type Set struct {
	start   []byte // of each line
	numbers []number
}

type number struct {
	name  string
	key   []byte
	value func() uint64
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
	return &Set{start: start[:len(start)-1]}
}

// Add adds a number: what was counted since the process began, if its name ends with _total, otherwise what is there
// now. value is called for each line, from any goroutine.
func (s *Set) Add(name string, value func() uint64) {
	s.numbers = append(s.numbers, number{name: name, key: []byte(`,"` + name + `":`), value: value})
}

// Line returns the numbers as a line with a line feed. The keys name, origin, size and so on are impstats'.
func (s *Set) Line() []byte {
	line := append([]byte(nil), s.start...)
	for _, n := range s.numbers {
		line = strconv.AppendUint(append(line, n.key...), n.value(), 10)
	}
	return append(line, "}\n"...)
}

// Brief returns the numbers that are not 0 as a short text for people: "received 12, peers 1".
func (s *Set) Brief() string {
	var parts []string
	for _, n := range s.numbers {
		if v := n.value(); v > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", strings.ReplaceAll(strings.TrimSuffix(n.name, "_total"), "_", " "), v))
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
