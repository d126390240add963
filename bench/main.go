// Bench measures the programs against their peers. Every figure is a ratio: the contestants of a row run in turn,
// A B A B A B, on the same machine in the same minutes, and medians are compared. Nothing here asserts a time.
//
//	bench/run [-rows KEY] [-rounds N] [-o FILE] [-against REVISION]
//
// With -against, bench/run also builds omzmq, imzmq, zmqtap and pushpull of another git revision. In every row that
// runs one of our programs, that revision's program is a further contestant in the same turns, and the row ends with
// the ratio new/old of each. "Before and after, no row worse than 0.97" is thus one command:
//
//	bench/run -against main -rows omprog
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// sample is the result of one run of a contestant.
type sample struct {
	rate float64 // messages per second, from the first to the last; 0: not measured
	cpu  float64 // CPU seconds of the program per million messages; 0: not measured

	published float64  // messages per second that went in, each of which may be delivered many times; 0: not measured
	delivered float64  // the share of what should have been delivered that was
	latency   *latency // nil in a row of rates

	shares []share // how busy the processes were, the same ones in every run; nil: not measured
}

// contestant is one of the programs that run in turn. The first of a row is the reference.
type contestant struct {
	name string
	run  func(ctx context.Context) (sample, error)
	ours bool // this repository's programs: -against adds another revision's
	old  bool // that revision's programs; the contestant before it runs ours
}

type row struct {
	key, title  string
	contestants []contestant
	// note adds a line, from the medians of CPU seconds per million messages of the contestants that are not old. It
	// may be nil.
	note func(cpu []float64) string
}

func main() {
	programs := flag.String("programs", ".cache/bench", "folder of the built `programs`")
	rounds := flag.Int("rounds", 5, "how often each contestant runs")
	only := flag.String("rows", "", "only rows whose `key` contains this")
	against := flag.String("against", "", "compare with the programs of another git `revision`, which bench/run builds")
	file := flag.String("o", "", "write the results to this `file` too")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var results bytes.Buffer
	out := io.MultiWriter(os.Stdout, &results)
	fmt.Fprintln(out, machine())
	failed := false
	all := allRows(*programs)
	if *against != "" {
		all = withRevision(*against, all, allRows(filepath.Join(*programs, "against")))
	}
	for _, r := range all {
		if !strings.Contains(r.key, *only) {
			continue
		}
		if err := r.measure(ctx, *rounds, out); err != nil {
			fmt.Fprintf(os.Stderr, "bench: %s: %v\n", r.key, err)
			failed = true
		}
	}
	if *file != "" {
		if err := os.WriteFile(*file, results.Bytes(), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, "bench: cannot write the results:", err)
			failed = true
		}
	}
	if failed {
		os.Exit(1)
	}
}

func allRows(programs string) []row {
	return slices.Concat(rows(programs), curveRows(programs), hubRows(programs), terminalRows(programs), crowdRows(programs),
		manyRows(programs), intakeRows(programs))
}

func rows(programs string) []row {
	b := &omprogBench{programs: programs}
	pinned, free := placement{rsyslogd: "0", program: "1"}, placement{}
	return []row{
		{"omprog-pinned", "omprog with confirmation and transactions; rsyslogd on CPU 0, the programs on CPU 1", []contestant{
			{name: "C confirmer that blocks", run: b.confirmer("confirm_blocking", 60_000, pinned)},
			ours("omzmq push, sent, to libzmq", b.push(200_000, pinned)),
			ours("omzmq dealer, stored, to imzmq", b.stored(200_000, pinned)),
		}, nil},
		{"omprog-free", "the same, where the kernel puts them", []contestant{
			{name: "C confirmer that polls", run: b.confirmer("confirm_polling", 200_000, free)},
			ours("omzmq push, sent, to libzmq", b.push(200_000, free)),
			ours("omzmq dealer, stored, to imzmq", b.stored(200_000, free)),
		}, nil},
		{"journal-pinned", "what --journal costs; rsyslogd on CPU 0, the programs on CPU 1", []contestant{
			ours("omzmq dealer, stored, to imzmq", b.stored(400_000, pinned)),
			ours("the same with --journal", b.stored(400_000, pinned, journaled)),
		}, nil},
		{"journal-free", "the same, where the kernel puts them", []contestant{
			ours("omzmq dealer, stored, to imzmq", b.stored(400_000, free)),
			ours("the same with --journal", b.stored(400_000, free, journaled)),
		}, nil},
		{"redis-pinned", "rsyslogd into a Redis list; rsyslogd on CPU 0, redis-server and the programs on CPU 1", []contestant{
			{name: "rsyslogd, omhiredis mode queue", run: b.omhiredis(400_000, pinned)},
			ours("omzmq dealer, stored, to imzmq", b.storedInRedis(400_000, pinned)),
		}, nil},
		{"redis-free", "the same, where the kernel puts them", []contestant{
			{name: "rsyslogd, omhiredis mode queue", run: b.omhiredis(400_000, free)},
			ours("omzmq dealer, stored, to imzmq", b.storedInRedis(400_000, free)),
		}, nil},
		{"redis-own", "imzmq into a Redis list, from the lines of a file, where the kernel puts them", []contestant{
			{name: "redis-benchmark, pipelined RPUSH", run: redisBenchmark(1_000_000, 1, 1000)},
			ours("imzmq pull", b.fromFile(500_000, "pull", "--socket push --confirm sent")),
			ours("imzmq router, acknowledged", b.fromFile(500_000, "router", "--socket dealer --confirm stored")),
		}, nil},
		{"pushpull", "PUSH to PULL over TCP, two processes, 200 bytes", []contestant{
			{name: "libzmq", run: pushPull(programs, "zmq_push", "zmq_pull", 3_000_000, messageSize)},
			ours("pkg/zmq", pushPull(programs, "pushpull ours push", "pushpull ours pull", 3_000_000, messageSize)),
			{name: "go-zeromq/zmq4", run: pushPull(programs, "pushpull zmq4 push", "pushpull zmq4 pull", 100_000, messageSize)},
		}, nil},
		{"cpu", "CPU time of rsyslogd's output threads and of omzmq under omprog", []contestant{
			{name: "rsyslogd, omczmq PUSH to libzmq", run: b.omczmq(200_000)},
			{name: "rsyslogd, omfile to /dev/null", run: b.devNull(200_000)},
			ours("omzmq push, sent, to libzmq", b.push(200_000, free)),
			ours("omzmq dealer, stored, to imzmq", b.stored(200_000, free)),
		}, func(cpu []float64) string {
			share := cpu[0] - cpu[1]
			return fmt.Sprintf("omczmq's share of rsyslogd: %.2f s/M; omzmq push %.2f times, dealer %.2f times that",
				share, cpu[2]/share, cpu[3]/share)
		}},
	}
}

// measure runs the contestants in turn and prints the row.
func (r row) measure(ctx context.Context, rounds int, out io.Writer) error {
	samples := make([][]sample, len(r.contestants))
	busy := 0
	for range rounds {
		for i, c := range r.contestants {
			if !quiet(ctx) {
				busy++
			}
			ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
			s, err := c.run(ctx)
			cancel()
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			samples[i] = append(samples[i], s)
		}
	}
	r.print(out, rounds, samples)
	if busy > 0 {
		fmt.Fprintf(out, "    %d of %d runs began while other programs kept the machine busy\n", busy, rounds*len(r.contestants))
	}
	return nil
}

func (r row) print(out io.Writer, rounds int, samples [][]sample) {
	fmt.Fprintf(out, "\n%s (%s, %d rounds)\n", r.title, r.key, rounds)
	if samples[0][0].latency != nil {
		r.printLatencies(out, samples)
	} else {
		r.printRates(out, samples)
	}
	for i, c := range r.contestants {
		printDelivery(out, c.name, samples[i])
		printShares(out, c.name, samples[i])
	}
	r.printComparisons(out, samples)
}

// printRates prints a row of rates, and its note.
func (r row) printRates(out io.Writer, samples [][]sample) {
	fmt.Fprintf(out, "    %-32s %12s %22s %8s %10s\n", "", "msg/s median", "min – max", "ratio", "CPU s/M")
	var reference float64
	var cpus []float64
	for i, c := range r.contestants {
		rates := column(samples[i], func(s sample) float64 { return s.rate })
		cpu := column(samples[i], func(s sample) float64 { return s.cpu })
		if !c.old {
			cpus = append(cpus, median(cpu))
		}
		if i == 0 {
			reference = median(rates)
		}
		fmt.Fprintf(out, "    %-32s", c.name)
		if median(rates) > 0 {
			fmt.Fprintf(out, " %12.0f %11.0f – %8.0f", median(rates), rates[0], rates[len(rates)-1])
		} else {
			fmt.Fprintf(out, " %12s %22s", "–", "")
		}
		if reference > 0 {
			fmt.Fprintf(out, " %8.2f", median(rates)/reference)
		} else {
			fmt.Fprintf(out, " %8s", "–")
		}
		if median(cpu) > 0 {
			fmt.Fprintf(out, " %10.2f\n", median(cpu))
		} else {
			fmt.Fprintf(out, " %10s\n", "–")
		}
	}
	if r.note != nil {
		fmt.Fprintln(out, "    "+r.note(cpus))
	}
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

func median(sorted []float64) float64 { return sorted[len(sorted)/2] }
