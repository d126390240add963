package main

import (
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap/taptest"
)

// BenchmarkPrint is what a line takes from the received batch to the write: the lines of the bench row terminal-print.
func BenchmarkPrint(b *testing.B) {
	const perBatch = 250
	text := "<27>1 2026-11-30T17:03:18.123456+01:00 web3.example.com nginx 6883 - - " +
		"upstream timed out (110: Connection timed out) while reading response header from upstream "
	text += strings.Repeat("x", 200-len(text))
	var lines [][]string
	for range perBatch {
		lines = append(lines, []string{"daemon.err.nginx", text})
	}
	batch := taptest.New(b).Batch(lines...)
	defer batch.Release()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer null.Close()
	for name, look := range map[string]look{
		"raw": {raw: true}, "columns": {color: colorNever}, "coloured": {color: colorAlways},
	} {
		b.Run(name, func(b *testing.B) {
			stream := tap.New(0)
			reader := stream.Join(printInterest)
			defer reader.Close()
			v := newView(&printOptions{look: look}, reader, null, false, slog.New(slog.DiscardHandler))
			b.ReportAllocs()
			var waiting []tap.Delivery
			for b.Loop() {
				stream.Publish(batch)
				waiting = reader.Take(waiting[:0])
				for _, d := range waiting {
					if _, err := v.deliver(d); err != nil {
						b.Fatal(err)
					}
				}
				reader.Return(waiting)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*perBatch), "ns/line")
		})
	}
}
