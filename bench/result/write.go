package result

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"slices"
)

// Write writes a file, a sample a line. Figures are rounded to five digits.
func (f File) Write(name string) error {
	var b bytes.Buffer
	var failed error
	put := func(value any) {
		text, err := json.Marshal(value)
		if err != nil {
			failed = err
		}
		b.Write(text)
	}
	// list writes the head of an object, of which the list is the last field and null as yet.
	list := func(head any, n int, item func(i int), end string) {
		put(head)
		b.Truncate(b.Len() - len("null}"))
		b.WriteByte('[')
		for i := range n {
			if i > 0 {
				b.WriteByte(',')
			}
			item(i)
		}
		b.WriteString(end)
	}
	list(File{Machine: f.Machine}, len(f.Rows), func(i int) {
		r := f.Rows[i]
		contestants := r.Contestants
		r.Contestants = nil
		b.WriteByte('\n')
		list(r, len(contestants), func(j int) {
			c := contestants[j]
			samples := c.Samples
			c.Samples = nil
			b.WriteString("\n ")
			list(c, len(samples), func(k int) {
				b.WriteString("\n  ")
				put(samples[k].rounded())
			}, "]}")
		}, "]}")
	}, "\n]}\n")
	if failed != nil {
		return failed
	}
	return os.WriteFile(name, b.Bytes(), 0o644)
}

func (s Sample) rounded() Sample {
	s.Rate, s.CPU, s.Published, s.Delivered = round(s.Rate), round(s.CPU), round(s.Published), round(s.Delivered)
	if s.Latency != nil {
		s.Latency = &Latency{round(s.Latency.P50), round(s.Latency.P99), round(s.Latency.P999)}
	}
	s.Usage = slices.Clone(s.Usage)
	for i, u := range s.Usage {
		s.Usage[i] = Usage{u.Process, round(u.CPUs), round(u.CPU), round(u.Peak)}
	}
	return s
}

func round(v float64) float64 {
	if v == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	unit := math.Pow(10, 4-math.Floor(math.Log10(math.Abs(v))))
	return math.Round(v*unit) / unit
}
