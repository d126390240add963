package lines

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// What Next and TryNext return when there is no line; io.EOF is the fourth.
var (
	ErrNothing     = errors.New("no line yet")
	ErrDeadline    = errors.New("no line before the deadline")
	ErrInterrupted = errors.New("reading interrupted")
)

// startBuffer is the buffer's first size, in bytes, and the room kept beyond the longest line.
const startBuffer = 64 << 10

// Reader reads lines from a descriptor. One goroutine reads; Interrupt may be called from any.
type Reader struct {
	fd  int
	max int
	buf []byte

	start, scanned, end int // buf[start:end] is read and not handed out, buf[start:scanned] has no LF
	cut                 int // bytes of the line at start that were thrown away

	restore  bool // O_NONBLOCK is ours to take away
	direct   bool // fd does not block: raw reads, spinning
	alone    bool // the writer shares our only CPU
	burst    int  // reads in the spin before the CPU is offered to others
	misses   int  // fruitless spins in a row
	skipped  int  // waits without a spin since the last fruitless one
	polled   [2]unix.PollFd
	timeout  unix.Timespec
	stopping atomic.Bool // Interrupt was called and nobody told yet

	mu     sync.Mutex // wake and stopping change together
	wake   int        // eventfd, -1 when closed
	wakeUp [8]byte
}

// NewReader reads lines of at most max bytes (LF not counted) from fd, which stays the caller's. A pipe or socket is set
// non-blocking until Close; anything else is polled and read.
func NewReader(fd, max int) (*Reader, error) {
	if max < 1 {
		return nil, fmt.Errorf("read lines from descriptor %d: longest line of %d bytes: give 1 or more", fd, max)
	}
	direct, restore, err := unblock(fd)
	if err != nil {
		return nil, fmt.Errorf("read lines from descriptor %d: %w", fd, err)
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		reblock(fd, restore)
		return nil, fmt.Errorf("make the eventfd that interrupts reading: %w", err)
	}
	return &Reader{
		fd: fd, max: max, buf: make([]byte, startBuffer),
		direct: direct, restore: restore, alone: onlyOneCPU(), burst: longestBurst, wake: wake,
	}, nil
}

// Close gives the descriptor its blocking mode back and does not close it.
func (r *Reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.wake < 0 {
		return nil
	}
	err := errors.Join(reblock(r.fd, r.restore), unix.Close(r.wake))
	r.wake = -1
	return err
}

// Interrupt makes the Next or TryNext that next finds no line in the buffer return ErrInterrupted, once, even if it is
// already waiting. It never blocks and may be called from any goroutine, after Close too.
func (r *Reader) Interrupt() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopping.Store(true)
	if r.wake >= 0 {
		one := [8]byte{1}
		unix.Write(r.wake, one[:]) // fails only when the counter is full, and then it wakes already
	}
}

// Unterminated tells the length of what came after the last LF, thrown away bytes included.
func (r *Reader) Unterminated() int { return r.end - r.start + r.cut }

// Next returns the next line without its LF, and how many of its bytes beyond the longest line were thrown away. The line
// is valid until the next call. With none in the buffer it spins as TryNext does and then sleeps until there is one, or
// until io.EOF (what is unterminated is no line), ErrDeadline (a zero deadline is none; one in the past takes what is there
// now), or ErrInterrupted. Other errors are read(2)'s; all but ErrDeadline and ErrInterrupted are final.
func (r *Reader) Next(spin time.Duration, deadline time.Time) (line []byte, cut int, err error) {
	line, cut, err = r.TryNext(spin)
	for err == ErrNothing {
		if err = r.sleep(deadline); err != nil {
			return nil, 0, err
		}
		line, cut, err = r.get(0)
	}
	return line, cut, err
}

// TryNext is Next without the sleep: it polls the descriptor for up to spin and then returns ErrNothing. While spins bring
// nothing it leaves most of them out, so an idle or slow writer costs no CPU.
func (r *Reader) TryNext(spin time.Duration) (line []byte, cut int, err error) {
	return r.get(spin)
}

func (r *Reader) get(spin time.Duration) (line []byte, cut int, err error) {
	for {
		if line, cut, ok := r.buffered(); ok {
			return line, cut, nil
		}
		if r.stopping.Load() {
			return nil, 0, r.interrupted()
		}
		r.makeRoom()
		n, errno := r.read(spin)
		switch {
		case errno == unix.EAGAIN:
			return nil, 0, ErrNothing
		case errno != 0:
			return nil, 0, fmt.Errorf("read lines from descriptor %d: %w", r.fd, errno)
		case n == 0:
			return nil, 0, io.EOF
		}
		r.end += n
	}
}

// buffered takes the next line out of the buffer. Without one it throws away what the line at start has beyond max.
func (r *Reader) buffered() (line []byte, cut int, ok bool) {
	i := bytes.IndexByte(r.buf[r.scanned:r.end], '\n')
	if i < 0 {
		if over := r.end - r.start - r.max; over > 0 {
			r.cut += over
			r.end -= over
		}
		r.scanned = r.end
		return nil, 0, false
	}
	line, cut = r.buf[r.start:r.scanned+i], r.cut
	if over := len(line) - r.max; over > 0 {
		line, cut = line[:r.max], cut+over
	}
	r.start, r.cut = r.scanned+i+1, 0
	r.scanned = r.start
	return line, cut, true
}

// makeRoom leaves at least a byte to read into: it moves what is left to the front, and doubles the buffer only when
// that is full. Since buffered keeps no more than max of an unfinished line, it never exceeds max + startBuffer.
func (r *Reader) makeRoom() {
	switch {
	case r.start == r.end:
		r.start, r.scanned, r.end = 0, 0, 0
	case r.end == len(r.buf) && r.start > 0:
		copy(r.buf, r.buf[r.start:r.end])
		r.scanned -= r.start
		r.end -= r.start
		r.start = 0
	case r.end == len(r.buf):
		bigger := make([]byte, min(2*len(r.buf), r.max+startBuffer))
		copy(bigger, r.buf)
		r.buf = bigger
	}
}

// readOther reads a file or terminal, which must not be made non-blocking, once poll has seen something to read.
func (r *Reader) readOther() (int, unix.Errno) {
	ready, errno := r.poll(time.Unix(0, 1))
	switch {
	case errno != 0:
		return 0, errno
	case !ready:
		return 0, unix.EAGAIN
	}
	for {
		n, err := unix.Read(r.fd, r.buf[r.end:])
		if errno, _ := err.(unix.Errno); errno != unix.EINTR {
			return max(n, 0), errno
		}
	}
}

// sleep returns nil when there may be something to read.
func (r *Reader) sleep(deadline time.Time) error {
	runtime.Gosched() // let what we have just handed over run: poll(2) holds our processor until the runtime takes it away
	for {
		ready, errno := r.poll(deadline)
		switch {
		case r.stopping.Load():
			return r.interrupted()
		case errno != 0:
			return fmt.Errorf("wait for lines on descriptor %d: %w", r.fd, errno)
		case ready:
			return nil
		case !deadline.IsZero() && !time.Now().Before(deadline):
			return ErrDeadline
		}
	}
}

// poll waits for input, the end of input, Interrupt or the deadline. EINTR reads as not ready.
func (r *Reader) poll(deadline time.Time) (ready bool, errno unix.Errno) {
	var timeout *unix.Timespec
	if !deadline.IsZero() {
		r.timeout = unix.NsecToTimespec(max(0, int64(time.Until(deadline))))
		timeout = &r.timeout
	}
	r.polled = [2]unix.PollFd{{Fd: int32(r.fd), Events: unix.POLLIN}, {Fd: int32(r.wake), Events: unix.POLLIN}}
	_, err := unix.Ppoll(r.polled[:], timeout, nil)
	errno, _ = err.(unix.Errno)
	if errno == unix.EINTR {
		return false, 0
	}
	if r.polled[0].Revents&unix.POLLNVAL != 0 {
		errno = unix.EBADF
	}
	return r.polled[0].Revents != 0, errno
}

// interrupted takes the interruption back: it is told once.
func (r *Reader) interrupted() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	unix.Read(r.wake, r.wakeUp[:])
	r.stopping.Store(false)
	return ErrInterrupted
}
