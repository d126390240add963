package lines

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/descriptor"
)

// Errors of Next and TryNext when there is no line, in addition to io.EOF.
var (
	ErrNothing     = errors.New("no line yet")
	ErrDeadline    = errors.New("no line before the deadline")
	ErrInterrupted = errors.New("reading interrupted")
)

// startBuffer is the initial size of the buffer in bytes, and the room beyond the longest line.
const startBuffer = 64 << 10

// longest is the greatest limit on a line, in bytes: the buffer is twice as long while it grows.
const longest = math.MaxInt/2 - startBuffer

// Reader reads lines from a descriptor. One goroutine reads; Interrupt may be called from any.
type Reader struct {
	fd  int
	max int
	buf []byte

	start, scanned, end int // buf[start:end] is read and not handed out, buf[start:scanned] has no LF
	cut                 int // bytes of the line at start that were thrown away

	wake    *descriptor.Waker // Interrupt was called and not reported yet
	restore func() error      // gives fd its blocking mode back
	polled  [2]unix.PollFd

	nonblocking bool // raw reads, spinning
	oneCPU      bool // the writer runs on the one CPU that we run on
	burst       int  // reads in the spin before the CPU is offered to others
	misses      int  // fruitless spins in a row
	skipped     int  // waits without a spin since the last fruitless one
}

// NewReader reads lines of at most max bytes (LF not counted) from fd, which stays the caller's. A pipe or
// socket is set non-blocking until Close; anything else is polled and read.
func NewReader(fd, max int) (*Reader, error) {
	if max < 1 || max > longest {
		return nil, fmt.Errorf("read lines from descriptor %d: longest line of %d bytes: give 1 to %d", fd, max, longest)
	}
	wake, err := descriptor.NewWaker()
	if err != nil {
		return nil, fmt.Errorf("read lines from descriptor %d: %w", fd, err)
	}
	nonblocking, restore, err := descriptor.Unblock(fd)
	if err != nil {
		wake.Close() //nolint:errcheck // the first error counts
		return nil, fmt.Errorf("read lines from descriptor %d: %w", fd, err)
	}
	return &Reader{
		fd: fd, max: max, buf: make([]byte, startBuffer), wake: wake, restore: restore,
		nonblocking: nonblocking, oneCPU: onlyOneCPU(), burst: longestBurst,
	}, nil
}

// Close gives the descriptor its blocking mode back and does not close it. Further calls do nothing.
func (r *Reader) Close() error { return errors.Join(r.restore(), r.wake.Close()) }

// Interrupt makes the next Next or TryNext that finds no line in the buffer return ErrInterrupted, once,
// even if it is already waiting. It never blocks and may be called from any goroutine, even after Close.
func (r *Reader) Interrupt() { r.wake.Wake() }

// HungUp reports whether the writer has closed its end. There may still be lines to read. It does not wait,
// and is always false for what is not a pipe, socket or terminal.
func (r *Reader) HungUp() bool { return descriptor.HungUp(r.fd) }

// Unterminated returns the length of what arrived after the last LF, including the bytes that were thrown away.
func (r *Reader) Unterminated() int { return r.end - r.start + r.cut }

// More reports whether more than the line that was handed out last has been read already.
func (r *Reader) More() bool { return r.start < r.end }

// Next returns the next line without its LF, and the number of its bytes beyond the longest line, which
// were thrown away. The line is valid until the next call. Without a line in the buffer, Next spins as
// TryNext does and then sleeps until one of these: a line; io.EOF (an unterminated line is not a line);
// ErrDeadline (a zero deadline is none; one in the past returns what is there now); ErrInterrupted. Other
// errors are those of read(2). All errors but ErrDeadline and ErrInterrupted are final.
func (r *Reader) Next(spin time.Duration, deadline time.Time) (line []byte, cut int, err error) {
	line, cut, err = r.TryNext(spin)
	for err == ErrNothing {
		if err = r.sleep(deadline); err != nil {
			return nil, 0, err
		}
		line, cut, err = r.TryNext(0)
	}
	return line, cut, err
}

// TryNext is Next without the sleep: it polls the descriptor for up to spin and then returns ErrNothing.
// While spins find nothing, it leaves most of them out: an idle or slow writer costs no CPU.
func (r *Reader) TryNext(spin time.Duration) (line []byte, cut int, err error) {
	for {
		if line, cut, ok := r.buffered(); ok {
			return line, cut, nil
		}
		if r.wake.Woken() {
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

// buffered takes the next line out of the buffer. If there is none, it throws away what the line at start
// has beyond max.
func (r *Reader) buffered() (line []byte, cut int, ok bool) {
	i := bytes.IndexByte(r.buf[r.scanned:r.end], '\n')
	if i < 0 {
		if over := r.end - r.start - r.max; over > 0 {
			r.cut = min(r.cut+over, math.MaxInt/2) // 32 bits are not enough for every line
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

// makeRoom leaves at least one byte to read into, and startBuffer bytes after a line of max, the rest of which is
// thrown away: that of a gigabyte is read in few reads. It moves what is left to the front, and doubles the buffer
// only when that does not help. Since buffered keeps at most max bytes of an unfinished line, the buffer never exceeds
// max + startBuffer.
func (r *Reader) makeRoom() {
	room := 1
	if r.end-r.start == r.max {
		room = startBuffer
	}
	switch {
	case r.start == r.end:
		r.start, r.scanned, r.end = 0, 0, 0
	case len(r.buf)-r.end >= room:
	case r.start > 0:
		copy(r.buf, r.buf[r.start:r.end])
		r.scanned -= r.start
		r.end -= r.start
		r.start = 0
	default:
		bigger := make([]byte, min(2*len(r.buf), r.max+startBuffer))
		copy(bigger, r.buf)
		r.buf = bigger
	}
}

// readBlocking reads once from a file or terminal, which must not be made non-blocking, if there is
// something to read.
func (r *Reader) readBlocking() (int, unix.Errno) {
	n := 0
	ready, err := r.poll(0)
	if err == nil && !ready {
		return 0, unix.EAGAIN
	}
	if err == nil {
		n, err = descriptor.Read(r.fd, r.buf[r.end:])
	}
	errno, _ := err.(unix.Errno)
	return n, errno
}

// sleep returns nil when there may be something to read.
func (r *Reader) sleep(deadline time.Time) error {
	// Let goroutines run that we have just handed work to: poll(2) holds our processor until the runtime
	// takes it away.
	runtime.Gosched()
	timeout := descriptor.Forever
	if !deadline.IsZero() {
		timeout = max(0, time.Until(deadline))
	}
	ready, err := r.poll(timeout)
	switch {
	case r.wake.Woken():
		return r.interrupted()
	case err != nil:
		return fmt.Errorf("wait for lines on descriptor %d: %w", r.fd, err)
	case !ready:
		return ErrDeadline
	}
	return nil
}

// poll waits for input, the end of input, Interrupt or the timeout.
func (r *Reader) poll(timeout time.Duration) (ready bool, err error) {
	r.polled = [2]unix.PollFd{{Fd: int32(r.fd), Events: unix.POLLIN}, r.wake.PollFd()}
	_, err = descriptor.Poll(r.polled[:], timeout)
	return r.polled[0].Revents != 0, err
}

// interrupted takes the interruption back: it is reported once.
func (r *Reader) interrupted() error {
	r.wake.Reset()
	return ErrInterrupted
}
