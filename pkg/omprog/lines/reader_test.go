package lines

import (
	"errors"
	"io"
	"math"
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

// feed writes all of s, in as many writes as that takes, while the test reads.
func feed(fd int, s string) {
	for len(s) > 0 {
		n, err := unix.Write(fd, []byte(s))
		if err != nil && err != unix.EINTR {
			return
		}
		s = s[max(n, 0):]
	}
}

// closing closes fd now and leaves the number taken, so that the cleanup closes no other test's descriptor.
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
	}
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

func TestSleep(t *testing.T) {
	in, out := pipe(t)
	r := newReader(t, in, 10)
	past, future := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	if err := r.sleep(past); err != ErrDeadline {
		t.Errorf("an empty pipe, past the deadline: %v", err)
	}
	write(t, out, "a\n")
	for _, deadline := range []time.Time{past, future, {}} {
		if err := r.sleep(deadline); err != nil {
			t.Errorf("a line in the pipe, deadline %v: %v", deadline, err)
		}
	}
}

// While spins find nothing, most are left out; once one finds a line, none is.
func TestFruitlessSpins(t *testing.T) {
	in, out := pipe(t)
	r := newReader(t, in, 10)
	spins := func(waits int) (n int) {
		for range waits {
			before := r.misses
			if _, _, err := r.TryNext(1); err != ErrNothing {
				t.Fatal(err)
			}
			n += r.misses - before
		}
		return n
	}
	if n := spins(patience); n != patience {
		t.Errorf("%d spins in the first %d waits", n, patience)
	}
	if n := spins(3 * probe); n != 3 {
		t.Errorf("%d spins in the next %d waits, want 3", n, 3*probe)
	}
	r.count(true)
	if n := spins(patience); n != patience {
		t.Errorf("%d spins in %d waits after a fruitful one", n, patience)
	}
	write(t, out, "a\n")
	wantLine(t, r, "a", 0)
}

func TestBurst(t *testing.T) {
	in, _ := pipe(t)
	r := newReader(t, in, 10)
	for range 10 {
		r.learn(1)
	}
	if r.burst != 1 {
		t.Errorf("the shortest burst has %d reads", r.burst)
	}
	for _, yields := range []int{0, 2, 0, 2, 0, 2, 0, 2, 0, 2} {
		r.learn(yields)
	}
	if r.burst != longestBurst {
		t.Errorf("the longest burst has %d reads", r.burst)
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
			t.Error("a pipe in use is not non-blocking")
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

func TestHungUp(t *testing.T) {
	in, out := pipe(t)
	r := newReader(t, in, 100)
	if r.HungUp() {
		t.Error("hung up before the writer closed")
	}
	write(t, out, "line\n")
	closing(t, out)
	if !r.HungUp() {
		t.Error("not hung up after the writer closed")
	}
	wantLine(t, r, "line", 0) // what was written before
}

func TestBadReader(t *testing.T) {
	if _, err := NewReader(-1, 10); !errors.Is(err, unix.EBADF) {
		t.Errorf("descriptor -1: %v", err)
	}
	for _, max := range []int{math.MinInt, -1, 0, longest + 1, math.MaxInt} {
		if _, err := NewReader(0, max); err == nil {
			t.Errorf("a longest line of %d is accepted", max)
		}
	}
	in, _ := pipe(t)
	r := newReader(t, in, 10)
	r.fd = 1 << 20
	if _, _, err := r.Next(spin, time.Time{}); !errors.Is(err, unix.EBADF) {
		t.Errorf("a closed descriptor: %v", err)
	}
}
