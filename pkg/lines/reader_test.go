package lines

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const spin = 20 * time.Microsecond

func pipe(t testing.TB) (r, w int) {
	t.Helper()
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(p[0]); unix.Close(p[1]) })
	return p[0], p[1]
}

func newReader(t testing.TB, fd, max int) *Reader {
	t.Helper()
	r, err := NewReader(fd, max)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func write(t testing.TB, fd int, s string) {
	t.Helper()
	if n, err := unix.Write(fd, []byte(s)); n != len(s) || err != nil {
		t.Fatalf("wrote %d of %d: %v", n, len(s), err)
	}
}

// feed writes all of s, in as many writes as that takes, while somebody reads.
func feed(fd int, s string) {
	for len(s) > 0 {
		n, err := unix.Write(fd, []byte(s))
		if err != nil && err != unix.EINTR {
			return
		}
		s = s[max(n, 0):]
	}
}

// closing closes fd now, and so that the cleanup closes nobody else's.
func closing(t testing.TB, fd int) {
	t.Helper()
	null, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(null)
	if err := unix.Dup2(null, fd); err != nil {
		t.Fatal(err)
	}
}

func flags(t testing.TB, fd int) int {
	t.Helper()
	f, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func wantLine(t testing.TB, r *Reader, want string, wantCut int) {
	t.Helper()
	line, cut, err := r.Next(spin, time.Time{})
	if string(line) != want || cut != wantCut || err != nil {
		t.Fatalf("line %q, cut %d, %v; want %q, cut %d", line, cut, err, want, wantCut)
	}
}

func wantError(t testing.TB, r *Reader, want error, deadline time.Time) {
	t.Helper()
	if line, _, err := r.Next(spin, deadline); err != want || line != nil {
		t.Fatalf("line %q, error %v; want %v", line, err, want)
	}
}

func TestLineSplitAtEveryByte(t *testing.T) {
	text := "BEGIN TRANSACTION\n\nünïcode\nlast\n"
	for at := range len(text) + 1 {
		in, out := pipe(t)
		r := newReader(t, in, 100)
		var got []string
		for i, part := range []string{text[:at], text[at:]} {
			if part != "" {
				write(t, out, part)
			}
			if i == 1 {
				closing(t, out)
			}
			for {
				line, cut, err := r.TryNext(0)
				if err != nil || cut != 0 {
					break
				}
				got = append(got, string(line)+"\n")
			}
		}
		if strings.Join(got, "") != text {
			t.Errorf("split at %d: %q", at, got)
		}
		wantError(t, r, io.EOF, time.Time{})
		unix.Close(in)
	}
}

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
				t.Errorf("max %d, %d over: after it %q, cut %d, %v", max, over, line, cut, err)
			}
		}
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestBufferGrowsOnlyAsNeeded(t *testing.T) {
	in, out := pipe(t)
	r := newReader(t, in, 1<<20)
	go feed(out, strings.Repeat("short\n", 50_000)+strings.Repeat("x", startBuffer)+"\n")
	for range 50_000 {
		wantLine(t, r, "short", 0)
	}
	if len(r.buf) != startBuffer {
		t.Errorf("short lines grew the buffer to %d", len(r.buf))
	}
	wantLine(t, r, strings.Repeat("x", startBuffer), 0)
	if len(r.buf) != 2*startBuffer {
		t.Errorf("a line of %d grew the buffer to %d", startBuffer, len(r.buf))
	}
}

func TestEndOfInput(t *testing.T) {
	for text, unterminated := range map[string]int{"": 0, "a\n": 0, "a\nbc": 2, "a\n0123456789abcdef": 16} {
		in, out := pipe(t)
		r := newReader(t, in, 10)
		write(t, out, text)
		closing(t, out)
		if text != "" {
			wantLine(t, r, "a", 0)
		}
		for range 2 {
			wantError(t, r, io.EOF, time.Time{})
		}
		if n := r.Unterminated(); n != unterminated {
			t.Errorf("%q: %d unterminated bytes, want %d", text, n, unterminated)
		}
	}
}

func TestDeadline(t *testing.T) {
	in, out := pipe(t)
	r := newReader(t, in, 10)
	wantError(t, r, ErrDeadline, time.Now().Add(-time.Hour))
	wantError(t, r, ErrDeadline, time.Now().Add(20*time.Millisecond))
	write(t, out, "par")
	wantError(t, r, ErrDeadline, time.Now().Add(time.Millisecond))
	write(t, out, "tial\nmore\n")
	past := time.Now().Add(-time.Hour)
	for _, want := range []string{"partial", "more"} {
		if line, _, err := r.Next(spin, past); string(line) != want || err != nil {
			t.Fatalf("line %q, %v; want %q, which is there", line, err, want)
		}
	}
	wantError(t, r, ErrDeadline, past)
}

func TestTryNext(t *testing.T) {
	in, out := pipe(t)
	r := newReader(t, in, 10)
	for range 3 * (patience + probe) { // spinning and not
		if _, _, err := r.TryNext(spin); err != ErrNothing {
			t.Fatal(err)
		}
	}
	write(t, out, "a\n")
	wantLine(t, r, "a", 0)
}

func TestInterrupt(t *testing.T) {
	in, out := pipe(t)
	r := newReader(t, in, 10)
	go r.Interrupt()
	wantError(t, r, ErrInterrupted, time.Time{}) // waiting already or not yet
	wantError(t, r, ErrDeadline, time.Now().Add(time.Millisecond))

	write(t, out, "a\nb\n")
	wantLine(t, r, "a", 0)
	r.Interrupt()
	r.Interrupt()
	wantLine(t, r, "b", 0) // what is read already comes first
	wantError(t, r, ErrInterrupted, time.Time{})
	wantError(t, r, ErrDeadline, time.Now().Add(time.Millisecond))
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	r.Interrupt()
}

// A writer that never pauses must not make an interruption wait.
func TestInterruptUnderLoad(t *testing.T) {
	in, out := pipe(t)
	r := newReader(t, in, 10)
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				feed(out, "a\nb\n")
			}
		}
	}()
	wantLine(t, r, "a", 0)
	go r.Interrupt()
	for err := error(nil); err != ErrInterrupted; _, _, err = r.Next(spin, time.Time{}) {
		if err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	for ended := false; !ended; {
		select {
		case <-done:
			ended = true
		default:
			r.TryNext(0)
		}
	}
}

func TestInterruptsRace(t *testing.T) {
	in, _ := pipe(t)
	r := newReader(t, in, 10)
	for range 500 {
		go r.Interrupt()
		wantError(t, r, ErrInterrupted, time.Time{})
	}
}

func TestBlockingModeComesBack(t *testing.T) {
	in, out := pipe(t)
	for _, was := range []int{0, unix.O_NONBLOCK} {
		if err := unix.SetNonblock(in, was != 0); err != nil {
			t.Fatal(err)
		}
		r, w := newReader(t, in, 10), newWriter(t, out)
		if flags(t, in)&unix.O_NONBLOCK == 0 || flags(t, out)&unix.O_NONBLOCK == 0 {
			t.Error("a pipe must be non-blocking while we use it")
		}
		if err := errors.Join(r.Close(), r.Close(), w.Close(), w.Close()); err != nil {
			t.Error(err)
		}
		if flags(t, in)&unix.O_NONBLOCK != was || flags(t, out)&unix.O_NONBLOCK != 0 {
			t.Errorf("O_NONBLOCK was %#o and is %#o", was, flags(t, in)&unix.O_NONBLOCK)
		}
	}
}

func TestFileAndNull(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lines")
	if err := os.WriteFile(name, []byte("a\nb"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, lines := range map[string][]string{name: {"a"}, os.DevNull: nil} {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		fd := int(f.Fd())
		before := flags(t, fd)
		r := newReader(t, fd, 10)
		for _, line := range lines {
			wantLine(t, r, line, 0)
		}
		wantError(t, r, io.EOF, time.Time{})
		if flags(t, fd) != before {
			t.Errorf("%s: flags changed", path)
		}
	}
}

func TestBadReader(t *testing.T) {
	if _, err := NewReader(-1, 10); !errors.Is(err, unix.EBADF) {
		t.Errorf("descriptor -1: %v", err)
	}
	if _, err := NewReader(0, 0); err == nil {
		t.Error("a longest line of 0 must be refused")
	}
	in, _ := pipe(t)
	r := newReader(t, in, 10)
	r.fd = 1 << 20
	if _, _, err := r.Next(spin, time.Time{}); !errors.Is(err, unix.EBADF) {
		t.Errorf("a closed descriptor: %v", err)
	}
}

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
		t.Errorf("%v allocations a line", n)
	}
}

// FuzzReader sends bytes through a pipe in two pieces: what went in comes out, and what was cut is told.
func FuzzReader(f *testing.F) {
	f.Add([]byte("a\nbc\n\nd"), uint16(3), uint16(10))
	f.Add([]byte("0123456789\n0123456789a\n"), uint16(10), uint16(10))
	f.Add([]byte("\n\n\n"), uint16(0), uint16(1))
	f.Fuzz(func(t *testing.T, text []byte, at, max uint16) {
		text = text[:min(len(text), 60_000)] // a pipe holds it, so nobody has to write beside the reader
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
				back = append(back, text[len(back):len(back)+cut]...) // what was thrown away is not there to compare
				back = append(back, '\n')
				lines++
			}
		}
		for _, part := range [][]byte{text[:split], text[split:]} {
			unix.Write(out, part)
			take()
		}
		if lines != bytes.Count(text, []byte{'\n'}) || !bytes.Equal(back, text[:len(back)]) || r.Unterminated() != len(text)-len(back) {
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
