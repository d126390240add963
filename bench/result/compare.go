package result

import (
	"fmt"
	"io"
)

// As benchstat does: a difference counts if it would come about by chance in less than one case of twenty. With fewer
// than enough samples a test that finds nothing means nothing.
const (
	alpha  = 0.05
	enough = 6 // samples on each side
)

// Verdict is what a comparison comes to.
type Verdict string

// The verdicts. "Bigger" and "smaller" are said of memory.
const (
	Faster  Verdict = "faster"
	Slower  Verdict = "slower"
	Bigger  Verdict = "bigger"
	Smaller Verdict = "smaller"
	Same    Verdict = "~"
	TooFew  Verdict = "~ not enough samples"
)

// metric is a figure of a contestant that is compared.
type metric struct {
	name        string
	moreIsGood  bool
	better, bad Verdict
	value       func(Sample) float64
}

func metrics() []metric {
	latency := func(name string, value func(*Latency) float64) metric {
		return metric{name, false, Faster, Slower, func(s Sample) float64 {
			if s.Latency == nil {
				return 0
			}
			return value(s.Latency)
		}}
	}
	return []metric{
		{"msg/s", true, Faster, Slower, func(s Sample) float64 { return s.Rate }},
		latency("p50 ms", func(l *Latency) float64 { return l.P50 }),
		latency("p99 ms", func(l *Latency) float64 { return l.P99 }),
		latency("p99.9 ms", func(l *Latency) float64 { return l.P999 }),
		{"CPU s/M", false, Faster, Slower, func(s Sample) float64 { return s.CPU }},
	}
}

// memory is the metric of the peak of process number i.
func memory(i int, process string) metric {
	return metric{"MiB " + process, false, Smaller, Bigger, func(s Sample) float64 {
		if i >= len(s.Usage) || s.Usage[i].Process != process {
			return 0
		}
		return s.Usage[i].Peak
	}}
}

// judge compares two sets of samples, in ascending order, and returns the p-value too.
func (m metric) judge(old, new []float64) (Verdict, float64) {
	p := MannWhitney(old, new)
	switch {
	case len(old) < enough || len(new) < enough:
		return TooFew, p
	case p >= alpha:
		return Same, p
	case (Median(new) > Median(old)) == m.moreIsGood:
		return m.better, p
	default:
		return m.bad, p
	}
}

// Compare prints how the rows of new compare with those of old. It returns how many figures are significantly worse.
func Compare(out io.Writer, old, new File) (worse int) {
	if old.Machine != new.Machine {
		fmt.Fprintf(out, "two machines:\n    old %s\n    new %s\n", old.Machine, new.Machine)
	}
	fmt.Fprintf(out, "\n%-34s %-18s %22s %22s\n", "", "", "old median (min – max)", "new median (min – max)")
	for _, r := range new.Rows {
		before := old.Row(r.Key)
		if before == nil {
			continue
		}
		fmt.Fprintf(out, "%s (%s)\n", r.Title, r.Key)
		for _, c := range r.Contestants {
			if was := before.Contestant(c.Name); was != nil {
				worse += c.compare(out, *was)
			}
		}
	}
	return worse
}

func (c Contestant) compare(out io.Writer, old Contestant) (worse int) {
	all := metrics()
	if c.Ours && len(c.Samples) > 0 { // the memory of others is not ours to mend
		for i, u := range c.Samples[0].Usage {
			all = append(all, memory(i, u.Process))
		}
	}
	for _, m := range all {
		before, after := old.Column(m.value), c.Column(m.value)
		if len(before) == 0 || len(after) == 0 {
			continue
		}
		verdict, p := m.judge(before, after)
		if verdict == m.bad {
			worse++
		}
		fmt.Fprintf(out, "    %-30s %-18s %22s %22s  %+.1f%% %s (p=%.3f n=%d+%d)\n", c.Name, m.name, spread(before), spread(after),
			(Median(after)/Median(before)-1)*100, verdict, p, len(before), len(after))
	}
	return worse
}

func spread(sorted []float64) string {
	return fmt.Sprintf("%.4g (%.3g – %.3g)", Median(sorted), sorted[0], sorted[len(sorted)-1])
}
