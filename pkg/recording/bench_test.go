package recording

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
)

// line200 is a log line of 200 bytes.
func line200(i int) string {
	head := fmt.Sprintf("<134>1 2026-11-30T10:30:31.%06dZ web1 nginx 6883 - - GET /a/%d HTTP/1.1 200 ", i%1_000_000, i)
	return head + strings.Repeat("x", 200-len(head))
}

func BenchmarkWriter(b *testing.B) {
	for _, c := range []Compression{None, Gzip, Zstandard} {
		b.Run("as"+string(c), func(b *testing.B) {
			w, err := NewWriter(io.Discard, c, 1<<60)
			if err != nil {
				b.Fatal(err)
			}
			m := frames("nginx/web1/", line200(1))
			for b.Loop() {
				w.Message(m)
				if w.Large() {
					if err := w.Flush(); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

func BenchmarkReader(b *testing.B) {
	for _, c := range []Compression{None, Gzip, Zstandard} {
		b.Run("as"+string(c), func(b *testing.B) {
			var file bytes.Buffer
			w, err := NewWriter(&file, c, 1<<60)
			if err != nil {
				b.Fatal(err)
			}
			for i := range 10_000 {
				w.Message(frames("nginx/web1/", line200(i)))
			}
			if err := w.Flush(); err != nil {
				b.Fatal(err)
			}
			r, err := NewReader(bytes.NewReader(file.Bytes()), most)
			for b.Loop() {
				if err != nil {
					b.Fatal(err)
				}
				if _, err = r.Next(); err == io.EOF {
					r.Close()
					r, err = NewReader(bytes.NewReader(file.Bytes()), most)
				}
			}
		})
	}
}
