package lines

import (
	"bytes"
	"slices"
	"testing"
	"time"
)

func TestNoAllocation(t *testing.T) {
	in, out := pipe(t)
	r, w := newReader(t, in, 1000), newWriter(t, out)
	reply := append(bytes.Repeat([]byte("x"), 200), '\n')
	n := testing.AllocsPerRun(1000, func() {
		if _, err := w.Write(reply); err != nil {
			t.Fatal(err)
		}
		if line, _, err := r.Next(spin, time.Time{}); len(line) != 200 || err != nil {
			t.Fatal(len(line), err)
		}
		if _, _, err := r.Next(0, time.Unix(1, 0)); err != ErrDeadline {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations per line, want none", n)
	}
}

// FuzzReader sends bytes through a pipe in pieces: what went in comes out, and the bytes that were cut are counted.
func FuzzReader(f *testing.F) {
	f.Add([]byte("a\nbc\n\nd"), uint16(3), uint16(10))
	f.Add([]byte("0123456789\n0123456789a\n"), uint16(10), uint16(10))
	f.Add([]byte("\n\n\n"), uint16(0), uint16(1))
	f.Fuzz(func(t *testing.T, text []byte, at, max uint16) {
		in, out := pipe(t)
		r := newReader(t, in, int(max)+1)
		split := min(int(at), len(text))
		var back []byte
		var lines int
		take := func() {
			for {
				line, cut, err := r.TryNext(0)
				if err != nil {
					return
				}
				if cut > 0 && len(line) != r.max || bytes.IndexByte(line, '\n') >= 0 {
					t.Fatalf("line of %d, cut %d, max %d", len(line), cut, r.max)
				}
				back = append(back, line...)
				back = append(back, text[len(back):len(back)+cut]...) // thrown away: nothing to compare
				back = append(back, '\n')
				lines++
			}
		}
		for _, part := range [][]byte{text[:split], text[split:]} {
			for piece := range slices.Chunk(part, 4096) { // any pipe holds that
				write(t, out, string(piece))
				take()
			}
		}
		rest := len(text) - len(back)
		if lines != bytes.Count(text, []byte("\n")) || !bytes.Equal(back, text[:len(back)]) ||
			r.Unterminated() != rest {
			t.Fatalf("%d lines, %d bytes of %d, %d unterminated", lines, len(back), len(text), r.Unterminated())
		}
	})
}

func BenchmarkLine(b *testing.B) {
	in, out := pipe(b)
	r, w := newReader(b, in, 1000), newWriter(b, out)
	line := append(bytes.Repeat([]byte("x"), 199), '\n')
	b.ReportAllocs()
	for b.Loop() {
		w.Write(line)
		r.Next(spin, time.Time{})
	}
}
