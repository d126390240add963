package listen

import (
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// Lanes bound how many goroutines serve a crowd of readers at once. All that serve the same crowd share them.
//
// What a publisher sends may wake a thousand writers. Without a bound, all of them run, most of them in the kernel,
// before the goroutine that reads from the publisher has its next turn: meanwhile the publisher's queue is full, and it
// drops messages for everybody. In lanes, the writers stand in line, and the goroutine that reads goes ahead of most of
// them: see Ahead. While a writer waits, more messages come together for its next write. With 1,000 readers and 15,000
// messages of 200 bytes a second on two processors, a hub received 30% to 85% of the messages without lanes
// (bench/run -rows intake).
//
// A lane is for work that does not block: whoever must wait for its reader leaves the lane first. A nil Lanes has room
// for everybody.
type Lanes struct {
	mu     sync.Mutex
	free   int
	line   line // of those that serve readers
	ahead  line // of those that bring what is served
	served int  // how many of line had their turn since one of ahead had
}

// courtesy is how many of those in line have their turn before each one that goes ahead: enough that a hundred
// readers, all of which stand in line, write whole batches, and few enough that their turns take some milliseconds.
const courtesy = 128

// NewLanes returns as many lanes as there are processors for this program.
func NewLanes() *Lanes { return &Lanes{free: runtime.GOMAXPROCS(0)} }

// Lane is a place in Lanes, or outside of them.
type Lane struct {
	of    *Lanes
	in    atomic.Bool
	ready chan struct{} // receives when a lane is given to the place
}

// Lane returns a place that is outside.
func (l *Lanes) Lane() *Lane {
	if l == nil {
		return &Lane{}
	}
	// Two goroutines may share a connection: see inLanes.
	return &Lane{of: l, ready: make(chan struct{}, 2)}
}

// Enter waits in line for a lane, unless the place is in one.
func (l *Lane) Enter() {
	if l.of != nil {
		l.enter(&l.of.line)
	}
}

// Ahead is Enter for the goroutine that reads what is to be written: however many stand in line, it lets a bounded
// number of them go first. It reports whether it has waited.
func (l *Lane) Ahead() (waited bool) { return l.of != nil && l.enter(&l.of.ahead) }

func (l *Lane) enter(in *line) (waited bool) {
	if l.in.Load() {
		return false
	}
	l.of.mu.Lock()
	if waited = l.of.free == 0; waited {
		in.push(l)
	} else {
		l.of.free--
	}
	l.of.mu.Unlock()
	if waited {
		<-l.ready
	}
	if l.in.Swap(true) {
		l.of.pass()
	}
	return waited
}

// Leave leaves the lane, if the place is in one.
func (l *Lane) Leave() {
	if l.in.Swap(false) {
		l.of.pass()
	}
}

// pass gives a lane to the next one.
func (l *Lanes) pass() {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case len(l.ahead.waiting) > 0 && (l.served >= courtesy || len(l.line.waiting) == 0):
		l.served = 0
		l.ahead.pop().ready <- struct{}{}
	case len(l.line.waiting) > 0:
		l.served++
		l.line.pop().ready <- struct{}{}
	default:
		l.free++
	}
}

// line is a queue.
type line struct {
	waiting []*Lane
	all     []*Lane // what waiting is the end of
}

func (q *line) push(l *Lane) {
	if len(q.all) == cap(q.all) && 2*len(q.waiting) <= len(q.all) {
		q.all = append(q.all[:0], q.waiting...)
	}
	first := len(q.all) - len(q.waiting)
	if len(q.waiting) == 0 {
		q.all, first = q.all[:0], 0
	}
	q.all = append(q.all, l)
	q.waiting = q.all[first:]
}

func (q *line) pop() *Lane {
	first := q.waiting[0]
	q.waiting[0] = nil
	q.waiting = q.waiting[1:]
	return first
}

// Writer writes to a connection in a lane. It is for one goroutine.
type Writer struct {
	*Lane
	conn net.Conn
	raw  syscall.RawConn
	step func(fd uintptr) (done bool)
	rest []byte
	err  error
}

// Writer returns a writer to conn. Where conn is no connection of the kernel's, it uses no lanes.
func (l *Lanes) Writer(conn net.Conn) *Writer {
	w := &Writer{Lane: &Lane{}, conn: conn}
	system, ok := conn.(syscall.Conn)
	if wrapped, is := conn.(*admitted); is {
		system, ok = wrapped.Conn.(syscall.Conn)
	}
	if ok && l != nil {
		if raw, err := system.SyscallConn(); err == nil {
			w.Lane, w.raw, w.step = l.Lane(), raw, w.try
		}
	}
	return w
}

// Write writes all of b. It enters a lane, if the goroutine is in none, and leaves it while the connection takes
// nothing.
func (w *Writer) Write(b []byte) (n int, err error) {
	if w.raw == nil {
		return w.conn.Write(b)
	}
	w.rest, w.err = b, nil
	err = w.raw.Write(w.step)
	n, w.rest = len(b)-len(w.rest), nil
	if err == nil {
		err = w.err
	}
	if err != nil {
		err = w.asWrite(err)
	}
	return n, err
}

// try writes what the connection takes now. It returns false if it is to be called again once there is room.
func (w *Writer) try(fd uintptr) (done bool) {
	for len(w.rest) > 0 {
		w.Enter()
		n, err := unix.Write(int(fd), w.rest)
		switch {
		case err == nil && n > 0:
			w.rest = w.rest[n:]
		case err == nil:
			w.err = io.ErrUnexpectedEOF
			return true
		case err == unix.EAGAIN:
			w.Leave()
			return false
		case err != unix.EINTR:
			w.err = os.NewSyscallError("write", err)
			return true
		}
	}
	return true
}

// asWrite makes an error look as if net.Conn.Write had returned it.
func (w *Writer) asWrite(err error) error {
	if op, ok := err.(*net.OpError); ok {
		err = op.Err
	}
	local, remote := w.conn.LocalAddr(), w.conn.RemoteAddr()
	return &net.OpError{Op: "write", Net: local.Network(), Source: local, Addr: remote, Err: err}
}
