// Bench measures the programs against their peers. Every figure is a ratio: the contestants of a row run in turn,
// A B A B A B, on the same machine in the same minutes, and medians are compared. Nothing here asserts a time.
//
//	bench/run [-rows KEY,KEY] [-rounds N] [-quick] [-o FILE] [-json FILE] [-compare FILE] [-against REVISION]
//	bench/run -charts [-json FILE]
//
// With -against, bench/run also builds omzmq, imzmq, zmqtap and pushpull of another git revision. In every row that
// runs one of our programs, that revision's program is a further contestant in the same turns, and the row ends with
// the ratio new/old of each. "Before and after, no row worse than 0.97" is thus one command:
//
//	bench/run -against main -rows omprog
//
// With -json, all samples go to a file, row by row; rows that do not run now stay in it. -charts draws charts of that
// file and measures nothing. -compare judges the figures against another such file, as benchstat does; with -rounds 0
// it compares the two files.
package main

import (
	"bytes"
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/bench/result"
)

// resultsFile and imagesFolder are committed.
const (
	resultsFile  = "bench/results.json"
	imagesFolder = "docs/images"
)

type options struct {
	programs, rows, against  string
	rounds                   int
	quick, charts            bool
	textFile, json, baseline string
}

func main() {
	var o options
	flag.StringVar(&o.programs, "programs", ".cache/bench", "folder of the built `programs`")
	flag.IntVar(&o.rounds, "rounds", 5, "how often each contestant runs; -compare needs 6")
	flag.StringVar(&o.rows, "rows", "", "only rows whose key contains one of these `keys`, separated by commas")
	flag.StringVar(&o.against, "against", "", "compare with the programs of another git `revision`, which bench/run builds")
	flag.StringVar(&o.textFile, "o", "", "write what is printed to this `file` too")
	flag.StringVar(&o.json, "json", "", "put all samples into this `file`")
	flag.StringVar(&o.baseline, "compare", "", "compare with the samples in this `file`")
	flag.BoolVar(&o.quick, "quick", false, "few messages, and without -rows few rows: two minutes")
	flag.BoolVar(&o.charts, "charts", false, "draw the charts of the file of samples into "+imagesFolder+", and nothing else")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := o.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func (o options) run(ctx context.Context) error {
	if o.charts {
		return drawCharts(cmp.Or(o.json, resultsFile), imagesFolder)
	}
	var text bytes.Buffer
	out := io.MultiWriter(os.Stdout, &text)
	now, failed, err := o.measure(ctx, out)
	if err != nil {
		return err
	}
	if o.baseline != "" {
		old, err := result.Read(o.baseline)
		if err != nil {
			return err
		}
		if o.rounds == 0 {
			if now, err = result.Read(o.json); err != nil {
				return err
			}
		}
		fmt.Fprintf(out, "\n%d figures are worse than in %s\n", result.Compare(out, old, now), o.baseline)
	}
	if o.textFile != "" {
		if err := os.WriteFile(o.textFile, text.Bytes(), 0o644); err != nil {
			return err
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d rows failed", failed)
	}
	return nil
}

// measure runs the rows, prints and saves them, and returns them, and how many failed.
func (o options) measure(ctx context.Context, out io.Writer) (all result.File, failed int, err error) {
	if o.rounds == 0 {
		return all, 0, nil
	}
	all.Machine = machine()
	fmt.Fprintf(out, "%s: %s\n", time.Now().Format(time.DateOnly), all.Machine)
	rows, begun, patience := o.chosen(), time.Now(), patience
	if o.quick {
		patience = quickPatience
	}
	if why := kafkaMissing(); why != "" {
		var left []string
		if rows, left = withoutKafka(rows); len(left) > 0 {
			fmt.Fprintf(out, "\nNOT MEASURED: %s: %s\n", strings.Join(left, ", "), why)
		}
	}
	for i, r := range rows {
		if o.quick && o.rows == "" && time.Since(begun) > quickTime {
			fmt.Fprintf(out, "\n%d rows are left out: the time is over\n", len(rows)-i)
			break
		}
		if ctx.Err() != nil {
			return all, failed, ctx.Err()
		}
		done, err := r.measure(ctx, o.rounds, patience, out)
		if err != nil {
			fmt.Fprintf(os.Stderr, "bench: %s: %v\n", r.key, err)
			failed++
		}
		if len(done.Contestants) > 0 {
			all.Rows = append(all.Rows, done)
			if err := o.save(all.Machine, done); err != nil {
				return all, failed, err
			}
		}
	}
	return all, failed, nil
}

// save puts a row into the file of samples, if there is to be one.
func (o options) save(machine string, r result.Row) error {
	if o.json == "" {
		return nil
	}
	saved, err := result.Read(o.json)
	if err != nil {
		return err
	}
	if dropped := saved.Merge(machine, []result.Row{r}); dropped > 0 {
		fmt.Fprintf(os.Stderr, "bench: %s was of another machine: %d rows dropped\n", o.json, dropped)
	}
	return saved.Write(o.json)
}

// chosen returns the rows that are to run.
func (o options) chosen() (chosen []row) {
	scale, keys := scale(1), splitKeys(o.rows)
	if o.quick {
		scale = quickScale
	}
	all := allRows(o.programs, scale)
	if o.against != "" {
		all = withRevision(o.against, all, allRows(filepath.Join(o.programs, "against"), scale))
	}
	for _, r := range all {
		if r.matches(keys) && (!o.quick || len(keys) > 0 || quickRows[r.key]) {
			chosen = append(chosen, r)
		}
	}
	return chosen
}
