package descriptor

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func pipe(t *testing.T) (r, w int) {
	t.Helper()
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(p[0]); unix.Close(p[1]) })
	return p[0], p[1]
}

// closing closes fd now and leaves the number taken, so that the cleanup closes no other test's descriptor.
func closing(t *testing.T, fd int) {
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

func nonblocking(t *testing.T, fd int) bool {
	t.Helper()
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		t.Fatal(err)
	}
	return flags&unix.O_NONBLOCK != 0
}

// pollOne polls fd alone.
func pollOne(fd int, timeout time.Duration) (ready int, err error) {
	return Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, timeout)
}

func TestOfLeavesTheMode(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	fd, err := Of(r)
	if err != nil {
		t.Fatal(err)
	}
	if !nonblocking(t, fd) {
		t.Error("the pipe has become a blocking one")
	}
	if _, err := w.WriteString("x"); err != nil {
		t.Fatal(err)
	}
	if n, err := Read(fd, make([]byte, 2)); n != 1 || err != nil {
		t.Errorf("read %d bytes, %v", n, err)
	}
	want := errors.New("wanted")
	if err := Control(r, func(int) error { return want }); err != want {
		t.Errorf("Control returned %v, want its function's error", err)
	}
	r.Close()
	if _, err := Of(r); err == nil {
		t.Error("a closed file has a descriptor")
	}
}

func TestPoll(t *testing.T) {
	r, w := pipe(t)
	for _, timeout := range []time.Duration{0, time.Microsecond, time.Millisecond} {
		if ready, err := pollOne(r, timeout); ready != 0 || err != nil {
			t.Errorf("an empty pipe after %v: %d, %v", timeout, ready, err)
		}
	}
	if n, err := Write(w, []byte("x"), 0); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	for _, timeout := range []time.Duration{0, time.Hour, Forever} {
		if ready, err := pollOne(r, timeout); ready != 1 || err != nil {
			t.Errorf("a pipe with a byte in it, timeout %v: %d, %v", timeout, ready, err)
		}
	}
}

// Linux never restarts ppoll(2) after a signal handler. The runtime has one for SIGURG, which then does nothing.
func TestPollIsInterrupted(t *testing.T) {
	for _, timeout := range []time.Duration{time.Hour, Forever} {
		r, w := pipe(t)
		thread, done := make(chan int), make(chan error, 1)
		go func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			thread <- unix.Gettid()
			ready, err := pollOne(r, timeout)
			if err == nil && ready != 1 {
				err = errors.New("Poll returned before the pipe was ready")
			}
			done <- err
		}()
		id := <-thread
		for range 3 {
			before := waitsInPoll(t, id, "")
			if err := unix.Tgkill(os.Getpid(), id, unix.SIGURG); err != nil {
				t.Fatal(err)
			}
			if waitsInPoll(t, id, before); len(done) > 0 {
				break
			}
		}
		unix.Write(w, []byte("x"))
		if err := <-done; err != nil {
			t.Errorf("timeout %v: %v", timeout, err)
		}
	}
}

// waitsInPoll returns once the thread sleeps in ppoll(2), and has slept more often than before; or has left
// it. The result is how often it has slept.
func waitsInPoll(t *testing.T, thread int, before string) (sleeps string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); runtime.Gosched() {
		call, err1 := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/syscall", thread))
		status, err2 := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/status", thread))
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		_, sleeps, _ = strings.Cut(string(status), "\nvoluntary_ctxt_switches:")
		sleeps, _, _ = strings.Cut(sleeps, "\n")
		polling := strings.HasPrefix(string(call), fmt.Sprint(unix.SYS_PPOLL, " "))
		if sleeps != before && (polling || before != "") {
			return sleeps
		}
	}
	t.Fatal("the thread does not sleep in ppoll(2)")
	return ""
}

func TestHungUp(t *testing.T) {
	r, w := pipe(t)
	if HungUp(r) {
		t.Error("hung up before the writer closed")
	}
	if _, err := Write(w, []byte("x"), 0); err != nil {
		t.Fatal(err)
	}
	if HungUp(r) {
		t.Error("hung up because there is something to read")
	}
	closing(t, w)
	if !HungUp(r) {
		t.Error("not hung up after the writer closed")
	}
	for _, none := range []int{-1, 1 << 20} {
		if HungUp(none) {
			t.Errorf("descriptor %d is not open, and hung up", none)
		}
	}
}

func TestReadEnds(t *testing.T) {
	r, w := pipe(t)
	closing(t, w)
	if n, err := Read(r, make([]byte, 1)); n != 0 || err != nil {
		t.Errorf("the end: %d, %v", n, err)
	}
	if n, err := Read(-1, make([]byte, 1)); n != 0 || err != unix.EBADF {
		t.Errorf("no descriptor: %d, %v", n, err)
	}
}

func TestWrite(t *testing.T) {
	r, w := pipe(t)
	if err := unix.SetNonblock(w, true); err != nil {
		t.Fatal(err)
	}
	size, err := unix.FcntlInt(uintptr(w), unix.F_SETPIPE_SZ, 4096)
	if err != nil {
		t.Fatal(err)
	}
	text := bytes.Repeat([]byte("0123456789"), size)
	if n, err := Write(w, text, 0); n != size || err != unix.EAGAIN {
		t.Errorf("a full pipe: wrote %d, %v; want %d, EAGAIN", n, err, size)
	}
	if n, err := Write(w, text, time.Millisecond); n != 0 || err != unix.EAGAIN {
		t.Errorf("a pipe that stays full: wrote %d, %v; want EAGAIN", n, err)
	}
	got := make(chan []byte)
	go func() {
		all, b := []byte(nil), make([]byte, 1000)
		for len(all) < size+len(text) {
			n, err := Read(r, b)
			if n == 0 || err != nil {
				break
			}
			all = append(all, b[:n]...)
		}
		got <- all
	}()
	if n, err := Write(w, text, Forever); n != len(text) || err != nil {
		t.Errorf("a pipe that is read: wrote %d of %d, %v", n, len(text), err)
	}
	if all := <-got; !bytes.Equal(all, append(bytes.Clone(text[:size]), text...)) {
		t.Errorf("%d bytes arrived, other ones", len(all))
	}
	closing(t, r)
	if n, err := Write(w, text, Forever); n != 0 || err != unix.EPIPE {
		t.Errorf("the reader is gone: %d, %v", n, err)
	}
	if n, err := Write(w, nil, Forever); n != 0 || err != nil {
		t.Errorf("nothing: %d, %v", n, err)
	}
}

// A reader that goes ends a Write that waits for room.
func TestReaderGoesDuringWrite(t *testing.T) {
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	fd, err := Of(out) // non-blocking, as os.Pipe makes it
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := Write(fd, make([]byte, 1<<20), Forever)
		done <- err
	}()
	if _, err := io.ReadFull(in, make([]byte, 1<<17)); err != nil { // more than the pipe holds: it was full
		t.Fatal(err)
	}
	in.Close()
	if err := <-done; err != unix.EPIPE {
		t.Errorf("%v, want EPIPE", err)
	}
}

func TestNoAllocations(t *testing.T) {
	r, w := pipe(t)
	if _, _, err := Unblock(w); err != nil {
		t.Fatal(err)
	}
	waker, err := NewWaker()
	if err != nil {
		t.Fatal(err)
	}
	defer waker.Close()
	b := make([]byte, 100)
	if n := testing.AllocsPerRun(100, func() {
		pollOne(r, time.Microsecond)
		Write(w, b, Forever)
		Read(r, b)
		waker.Wake()
		waker.Reset()
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}
