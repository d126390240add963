package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/bench/result"
)

type sample = result.Sample

// contestant is one of the programs that run in turn. The first of a row is the reference.
type contestant struct {
	name string
	run  func(ctx context.Context) (sample, error)
	ours bool   // this repository's programs: -against adds another revision's
	old  bool   // that revision's programs; the contestant before it runs ours
	end  func() // after the row, whether it has run or not; nil: nothing is to be ended
}

// row is what is compared. A key that ends in a hyphen and a number belongs to a series: see result.Row.
type row struct {
	key, title  string
	contestants []contestant
	// note adds a line, from the medians of CPU seconds per million messages of the contestants that are not old. It
	// may be nil.
	note func(cpu []float64) string
}

// scale makes rows shorter. Only the rows of -quick and the new ones mind it.
type scale float64

// of returns how many messages are to be sent where n would be full length.
func (s scale) of(n int) int { return max(1, int(float64(n)*float64(s))) }

const (
	quickScale = scale(0.2)
	quickTime  = 80 * time.Second // no row of -quick begins later; building takes time too
	// patience is how long a run waits for a quiet machine.
	patience, quickPatience = 3 * time.Second, time.Second
)

// quickRows are the rows of -quick.
var quickRows = map[string]bool{"relp": true, "omprog-free": true, "stdout": true, "chain": true, "redis-relp": true,
	"pushpull": true, "latency-even": true, "memory-idle": true}

func splitKeys(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' })
}

// matches reports whether the row's key contains one of the keys, or there are none.
func (r row) matches(keys []string) bool {
	return len(keys) == 0 || slices.ContainsFunc(keys, func(key string) bool { return strings.Contains(r.key, key) })
}

// measure runs the contestants in turn and prints the row. A contestant that fails does not run again, and is neither
// printed nor in the results.
func (r row) measure(ctx context.Context, rounds int, patience time.Duration, out io.Writer) (done result.Row, all error) {
	defer r.end()
	samples, failed, busy, runs := make([][]sample, len(r.contestants)), make([]bool, len(r.contestants)), 0, 0
	for range rounds {
		for i, c := range r.contestants {
			if failed[i] || ctx.Err() != nil {
				continue
			}
			if runs++; !quiet(ctx, patience) {
				busy++
			}
			limited, cancel := context.WithTimeout(ctx, 2*time.Minute)
			s, err := c.run(limited)
			cancel()
			if err != nil {
				failed[i], all = true, errors.Join(all, fmt.Errorf("%s: %w", c.name, err))
				continue
			}
			samples[i] = append(samples[i], s)
		}
	}
	if err := ctx.Err(); err != nil {
		return result.Row{}, err
	}
	r, samples = r.without(failed, samples)
	if len(samples) > 0 {
		r.print(out, rounds, samples)
	}
	if busy > 0 {
		fmt.Fprintf(out, "    %d of %d runs began while other programs kept the machine busy\n", busy, runs)
	}
	return r.result(samples), all
}

// end ends what the contestants share.
func (r row) end() {
	for _, c := range r.contestants {
		if c.end != nil {
			c.end()
		}
	}
}

// without leaves out contestants that failed, what would be compared with them, and the note, which counts on all.
func (r row) without(failed []bool, samples [][]sample) (row, [][]sample) {
	var contestants []contestant
	var left [][]sample
	for i, c := range r.contestants {
		if failed[i] || c.old && failed[i-1] {
			r.note = nil
			continue
		}
		contestants, left = append(contestants, c), append(left, samples[i])
	}
	r.contestants = contestants
	return r, left
}

var numbered = regexp.MustCompile(`^(.+)-([0-9]+)$`)

// result returns the row as it is written to a file, without other revisions' programs.
func (r row) result(samples [][]sample) result.Row {
	row := result.Row{Key: r.key, Title: r.title, Date: time.Now().Format(time.DateOnly)}
	if parts := numbered.FindStringSubmatch(r.key); parts != nil {
		row.Series = parts[1]
		row.X, _ = strconv.ParseFloat(parts[2], 64) // digits
	}
	for i, c := range r.contestants {
		if !c.old {
			row.Contestants = append(row.Contestants, result.Contestant{Name: c.name, Ours: c.ours, Samples: samples[i]})
		}
	}
	return row
}

func (r row) print(out io.Writer, rounds int, samples [][]sample) {
	fmt.Fprintf(out, "\n%s (%s, %d rounds)\n", r.title, r.key, rounds)
	switch {
	case samples[0][0].Latency != nil:
		r.printLatencies(out, samples)
	case samples[0][0].Rate > 0 || samples[0][0].CPU > 0:
		r.printRates(out, samples)
	}
	if r.note != nil {
		fmt.Fprintln(out, "    "+r.note(r.cpus(samples)))
	}
	for i, c := range r.contestants {
		printDelivery(out, c.name, samples[i])
		printUsage(out, c.name, samples[i])
	}
	r.printComparisons(out, samples)
}

// cpus returns the medians for the note.
func (r row) cpus(samples [][]sample) (all []float64) {
	for i, c := range r.contestants {
		if !c.old {
			all = append(all, median(column(samples[i], func(s sample) float64 { return s.CPU })))
		}
	}
	return all
}

// printRates prints a row of rates.
func (r row) printRates(out io.Writer, samples [][]sample) {
	fmt.Fprintf(out, "    %-38s %12s %22s %8s %10s\n", "", "msg/s median", "min – max", "ratio", "CPU s/M")
	var reference float64
	for i, c := range r.contestants {
		rates := column(samples[i], func(s sample) float64 { return s.Rate })
		cpu := median(column(samples[i], func(s sample) float64 { return s.CPU }))
		rate := median(rates)
		if i == 0 {
			reference = rate
		}
		fmt.Fprintf(out, "    %-38s", c.name)
		if rate > 0 {
			fmt.Fprintf(out, " %12.0f %11.0f – %8.0f", rate, rates[0], rates[len(rates)-1])
		} else {
			fmt.Fprintf(out, " %12s %22s", "–", "")
		}
		fmt.Fprintf(out, " %8s %10s\n", known("%.2f", rate/reference), known("%.2f", cpu))
	}
}

// known formats a positive, finite number; anything else was not measured.
func known(format string, v float64) string {
	if v > 0 && v < 1e300 {
		return fmt.Sprintf(format, v)
	}
	return "–"
}

// column returns one value of each sample, in ascending order.
func column(samples []sample, value func(sample) float64) []float64 {
	var c []float64
	for _, s := range samples {
		c = append(c, value(s))
	}
	slices.Sort(c)
	return c
}

func median(sorted []float64) float64 { return result.Median(sorted) }
