package lines

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestLongLines(t *testing.T) {
	for _, max := range []int{1, 10, startBuffer - 1, startBuffer, startBuffer + 1, 5 * startBuffer} {
		for _, over := range []int{-1, 0, 1, 7, 3 * startBuffer} {
			in, out := pipe(t)
			r := newReader(t, in, max)
			long := strings.Repeat("x", max+over)
			go feed(out, "first\n"+long+"\nlast\n")
			if max > 5 {
				wantLine(t, r, "first", 0)
			} else {
				wantLine(t, r, "f", 4)
			}
			wantLine(t, r, long[:min(max, max+over)], over*b2i(over > 0))
			if len(r.buf) > max+startBuffer {
				t.Errorf("max %d, %d over: the buffer grew to %d", max, over, len(r.buf))
			}
			line, cut, err := r.Next(spin, time.Time{})
			if string(line) != "last"[:min(max, 4)] || cut != 4-len(line) || err != nil {
				t.Errorf("max %d, %d over: then %q, cut %d, %v", max, over, line, cut, err)
			}
		}
	}
}

// What is thrown away is read in large pieces, wherever the limit lies in the buffer.
func TestRestOfALongLineIsReadInLargePieces(t *testing.T) {
	for _, max := range []int{1, 10, startBuffer - 4, startBuffer - 1, startBuffer, startBuffer + 1, 2*startBuffer - 4, 3 * startBuffer} {
		for _, before := range []string{"", "a line\n"} {
			in, out := pipe(t)
			r := newReader(t, in, max)
			sent := 0
			for text := before + strings.Repeat("x", max); sent < len(before)+max; text = text[min(len(text), startBuffer):] {
				piece := text[:min(len(text), startBuffer)] // a pipe holds that
				write(t, out, piece)
				for err := error(nil); err == nil; _, _, err = r.TryNext(0) {
				}
				sent += len(piece)
			}
			const pieces = 100
			for range pieces {
				r.makeRoom()
				if room := len(r.buf) - r.end; room < startBuffer || len(r.buf) > max+startBuffer {
					t.Fatalf("max %d: room for %d bytes in a buffer of %d", max, room, len(r.buf))
				}
				write(t, out, strings.Repeat("x", startBuffer))
				if _, _, err := r.TryNext(0); err != ErrNothing {
					t.Fatal(err)
				}
			}
			if n := r.Unterminated(); n != max+pieces*startBuffer {
				t.Errorf("max %d: %d bytes of the line arrived, want %d", max, n, max+pieces*startBuffer)
			}
			write(t, out, "\nnext\n")
			wantLine(t, r, strings.Repeat("x", max), pieces*startBuffer)
			wantLine(t, r, "next"[:min(max, 4)], 4-min(max, 4))
		}
	}
}

// A line of more bytes than an int counts is still known to be cut.
func TestCountOfACutLine(t *testing.T) {
	in, out := pipe(t)
	r := newReader(t, in, 3)
	write(t, out, "12345")
	if _, _, err := r.TryNext(0); err != ErrNothing || r.cut != 2 {
		t.Fatalf("cut %d, %v", r.cut, err)
	}
	r.cut = math.MaxInt/2 - 1
	write(t, out, "6789")
	if _, _, err := r.TryNext(0); err != ErrNothing || r.Unterminated() < math.MaxInt/2 {
		t.Fatalf("%d bytes are not terminated, %v", r.Unterminated(), err)
	}
	write(t, out, "\n")
	wantLine(t, r, "123", math.MaxInt/2)
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
