package main

import (
	"context"
	"fmt"
	"io"
)

// ours is a contestant that runs this repository's programs.
func ours(name string, run func(context.Context) (sample, error)) contestant {
	return contestant{name: name, run: run, ours: true}
}

// withRevision puts another revision's programs after ours in each row, so that both run in the same turns. old has the
// same rows as rows, made with the revision's programs.
func withRevision(revision string, rows, old []row) []row {
	for i, r := range rows {
		var all []contestant
		for j, c := range r.contestants {
			all = append(all, c)
			if c.ours {
				all = append(all, contestant{name: "  the same of " + revision, run: old[i].contestants[j].run, old: true})
			}
		}
		rows[i].contestants = all
	}
	return rows
}

// printComparisons prints how each contestant of ours compares with the other revision: 1 or more is no worse.
func (r row) printComparisons(out io.Writer, samples [][]sample) {
	for i, c := range r.contestants {
		if !c.old {
			continue
		}
		name := r.contestants[i-1].name
		if samples[i][0].Latency == nil {
			rate := func(s sample) float64 { return s.Rate }
			fmt.Fprintf(out, "    %s: new/old %.3f\n", name, median(column(samples[i-1], rate))/median(column(samples[i], rate)))
			continue
		}
		p50 := func(s sample) float64 { return s.Latency.P50 }
		fmt.Fprintf(out, "    %s: old/new p50 %.3f\n", name, median(column(samples[i], p50))/median(column(samples[i-1], p50)))
	}
}
