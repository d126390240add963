package main

import (
	"fmt"
	"io"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/bench/result"
)

// printLatencies prints a row of latencies. Less is better, so a ratio is the reference's value over the
// contestant's: 1 or more is good here too.
func (r row) printLatencies(out io.Writer, samples [][]sample) {
	fmt.Fprintf(out, "    %-38s %9s %17s %9s %17s %9s %12s %10s\n",
		"medians, milliseconds", "p50", "min – max", "p99", "min – max", "p99.9", "ratios", "CPU s/M")
	var reference result.Latency
	for i, c := range r.contestants {
		p50 := column(samples[i], func(s sample) float64 { return s.Latency.P50 })
		p99 := column(samples[i], func(s sample) float64 { return s.Latency.P99 })
		p999 := column(samples[i], func(s sample) float64 { return s.Latency.P999 })
		if i == 0 {
			reference = result.Latency{P50: median(p50), P99: median(p99), P999: median(p999)}
		}
		fmt.Fprintf(out, "    %-38s %9.3f %7.3f – %7.3f %9.3f %7.3f – %7.3f %9.3f %5.2f, %5.2f", c.name,
			median(p50), p50[0], p50[len(p50)-1], median(p99), p99[0], p99[len(p99)-1], median(p999),
			reference.P50/median(p50), reference.P99/median(p99))
		if cpu := median(column(samples[i], func(s sample) float64 { return s.CPU })); cpu > 0 {
			fmt.Fprintf(out, " %10.2f\n", cpu)
		} else {
			fmt.Fprintf(out, " %10s\n", "–")
		}
	}
}

// printDelivery prints how much of what was published has arrived, if it was measured.
func printDelivery(out io.Writer, name string, samples []sample) {
	published := column(samples, func(s sample) float64 { return s.Published })
	delivered := column(samples, func(s sample) float64 { return s.Delivered })
	if median(published) > 0 {
		fmt.Fprintf(out, "    %s: published %.0f/s, of which %.2f%% delivered (%.2f – %.2f)\n", name, median(published),
			median(delivered)*100, delivered[0]*100, delivered[len(delivered)-1]*100)
	}
}
