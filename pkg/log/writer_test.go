package log

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// fullPipe returns a pipe that blocks, as a child gets it, and takes no byte more until it is read. (os.Pipe's does not
// block, until File.Fd makes it.)
func fullPipe(t *testing.T) (r, w *os.File, filled int) {
	t.Helper()
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	r, w = os.NewFile(uintptr(ends[0]), "reading end"), os.NewFile(uintptr(ends[1]), "writing end")
	t.Cleanup(func() { r.Close(); w.Close() })
	filled, err := unix.FcntlInt(w.Fd(), unix.F_GETPIPE_SZ, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(strings.Repeat("\n", filled))); err != nil {
		t.Fatal(err)
	}
	return r, w, filled
}

func blocks(t *testing.T, f *os.File) bool {
	t.Helper()
	flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0)
	if err != nil {
		t.Fatal(err)
	}
	return flags&unix.O_NONBLOCK == 0
}

// What nobody reads makes no writer wait. Once it is read, every line has arrived in order or is counted.
func TestNobodyReads(t *testing.T) {
	const total = 20_000
	r, file, filled := fullPipe(t)
	w := NewWriter(file)
	w.OnDropped(func(lines int) { fmt.Fprintf(w, "dropped %d\n", lines) })
	for n := range total {
		fmt.Fprintf(w, "line %d %s\n", n, strings.Repeat("x", 80))
	}
	if !blocks(t, file) {
		t.Error("the pipe was made non-blocking")
	}
	io.CopyN(io.Discard, r, int64(filled))
	line := regexp.MustCompile(`^(line|dropped) (\d+)`)
	arrived, dropped, last := 0, 0, -1
	for in := bufio.NewScanner(r); arrived+dropped < total && in.Scan(); {
		found := line.FindStringSubmatch(in.Text())
		if found == nil {
			t.Fatalf("a broken line: %q", in.Text())
		}
		n, _ := strconv.Atoi(found[2])
		if found[1] == "dropped" {
			dropped += n
			continue
		}
		if arrived++; n <= last {
			t.Errorf("line %d after line %d", n, last)
		}
		last = n
	}
	if arrived+dropped != total || dropped == 0 || arrived < room/100 {
		t.Errorf("%d lines arrived, %d are reported as dropped, of %d", arrived, dropped, total)
	}
}

// A mark begins each line of several, and not the last words.
func TestMark(t *testing.T) {
	r, file, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer file.Close()
	w := NewWriter(file)
	fmt.Fprint(w, "before\n")
	w.Mark("me: ")
	fmt.Fprint(w, "one\n\nthree\n")
	w.Close("last\n")
	const want = "before\nme: one\nme: \nme: three\nlast\n"
	got := make([]byte, len(want))
	if _, err := io.ReadFull(r, got); err != nil || string(got) != want {
		t.Errorf("%q, %v", got, err)
	}
}

// Close writes the last words although there was no room for lines, if there is a reader.
func TestLastWords(t *testing.T) {
	r, file, filled := fullPipe(t)
	w := NewWriter(file)
	for range 2 * room / 100 {
		fmt.Fprintf(w, "%99d\n", 0)
	}
	read := make(chan string)
	go func() {
		all, _ := io.ReadAll(r)
		read <- string(all[filled:])
	}()
	w.Close("the reason\n")
	file.Close()
	if all := <-read; !strings.HasSuffix(all, "\nthe reason\n") {
		t.Errorf("it ends with %q", all[max(0, len(all)-100):])
	}
}

// Close gives up on a file that takes nothing, and on one that fails.
func TestCloseGivesUp(t *testing.T) {
	_, stuck, _ := fullPipe(t)
	r, parted, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer parted.Close()
	r.Close()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	for _, file := range []*os.File{stuck, parted, full} {
		w := NewWriter(file)
		w.OnDropped(func(int) { t.Error("it is reported to nobody") })
		fmt.Fprintln(w, "a line")
		w.Close("the reason\n")
	}
}

// A pipe that another process has made non-blocking loses nothing.
func TestNonBlockingPipe(t *testing.T) {
	r, file, filled := fullPipe(t)
	if err := unix.SetNonblock(int(file.Fd()), true); err != nil {
		t.Fatal(err)
	}
	w := NewWriter(file)
	fmt.Fprintln(w, "a line")
	read := make(chan string)
	go func() {
		all, _ := io.ReadAll(r)
		read <- string(all[filled:])
	}()
	w.Close("the reason\n")
	if blocks(t, file) {
		t.Error("the pipe was made blocking")
	}
	file.Close()
	if got := <-read; got != "a line\nthe reason\n" {
		t.Errorf("read %q", got)
	}
}

// Lines are written whole, as far as a pipe takes them at once.
func TestPiece(t *testing.T) {
	long := strings.Repeat("x", pieceSize)
	for _, test := range []struct {
		lines string
		want  int
	}{
		{"a\nb\n", 4},
		{"a\nb\n" + long + "\n", 4},
		{long + "\na\n", pieceSize + 1},
		{long[1:] + "\na\n", pieceSize},
		{long + long, 2 * pieceSize},
	} {
		if got := piece([]byte(test.lines)); got != test.want {
			t.Errorf("%d of %d bytes at once, want %d", got, len(test.lines), test.want)
		}
	}
}
