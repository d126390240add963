package relp

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// offers is the data of open. librelp wants protocol version 0, whatever the description says, and
	// syslog among the commands.
	offers = "relp_version=0\nrelp_software=rsyslog-zeromq\ncommands=syslog"
	// maxAnswer bounds the data of a frame from the server, in bytes. librelp's texts have at most 80,
	// its offers about 100.
	maxAnswer = 4096
	// readSize is the most bytes of one read. A write is sent once it has writeSize bytes.
	readSize  = 32 << 10
	writeSize = 64 << 10
)

// While at least manyOwed answers are owed, the client pauses before each read. imrelp writes its answers one by one,
// and each would wake the client up, which would cost more than all the rest. While nothing is read, the kernel
// acknowledges little. Nagle's algorithm then holds back imrelp's next answers, and they come in one segment. imrelp
// does not wait for that. It takes about 7 µs for a message: a pause ends before it has answered as many as are owed.
const (
	manyOwed  = 64
	pauseTime = 200 * time.Microsecond
)

// pause lets answers gather. An idle Go timer would take a millisecond at least; being cut short does no harm.
func pause() {
	t := unix.NsecToTimespec(int64(pauseTime))
	unix.Nanosleep(&t, nil) //nolint:errcheck // as above
}

// past is a deadline that is over.
var past = time.Unix(1, 0)

var errServerClosed = errors.New("the server closed the session; is rsyslog stopping, or did it refuse a frame?")

// session is a connection with an open RELP session. The transfer in progress owns it.
type session struct {
	conn    net.Conn
	timeout time.Duration
	rearm   func() // see quickAck
	pause   func() // pause; tests replace it
	next    int    // the next transaction number

	interrupted atomic.Bool // see interrupt
	exhausted   bool        // what was there when the session was interrupted has been read

	in   []byte // in[r:w] has been read and not parsed
	r, w int
	out  []byte // scratch for writing
}

func newSession(conn net.Conn, timeout time.Duration) *session {
	s := &session{
		conn: conn, timeout: timeout, rearm: quickAck(conn), pause: pause, next: 1,
		in: make([]byte, readSize), out: make([]byte, 0, writeSize),
	}
	if runtime.NumCPU() == 1 {
		s.pause = func() {} // answers gather while imrelp has the CPU; waking up in between would only interrupt it
	}
	return s
}

// open greets the server and reads its answer.
func (s *session) open() error {
	txnr, err := s.command("open", []byte(offers))
	if err != nil {
		return err
	}
	f, err := s.receive(0)
	if err != nil {
		return err
	}
	a, err := s.answer(f)
	if err != nil {
		return err
	}
	if f.Txnr != txnr || a.Code != 200 {
		return fmt.Errorf("transaction %d answered with %d: %q", f.Txnr, a.Code, a.Text)
	}
	return nil
}

// close sends close and waits for the answer, which is empty from imrelp. A server that closes the
// connection instead has understood as well.
func (s *session) close() error {
	txnr, err := s.command("close", nil)
	if err != nil {
		return err
	}
	for {
		f, err := s.receive(0)
		if err == nil {
			_, err = s.answer(f)
		}
		switch {
		case errors.Is(err, io.EOF) || errors.Is(err, errServerClosed):
			return nil
		case err != nil:
			return err
		case f.Txnr == txnr:
			return nil
		}
	}
}

// command writes one frame and returns its transaction number.
func (s *session) command(name string, data []byte) (txnr int, err error) {
	txnr = s.next
	s.next++
	s.conn.SetWriteDeadline(time.Now().Add(s.timeout))
	defer s.conn.SetWriteDeadline(time.Time{})
	if _, err := s.conn.Write(AppendFrame(s.out[:0], txnr, name, data)); err != nil {
		return 0, fmt.Errorf("send %s: %w", name, err)
	}
	return txnr, nil
}

// answer returns the answer in a frame from the server. Any frame but rsp is an error.
func (s *session) answer(f Frame) (Answer, error) {
	switch string(f.Command) {
	case "rsp":
		return ParseAnswer(f.Data)
	case "serverclose":
		return Answer{}, errServerClosed
	}
	return Answer{}, fmt.Errorf("the server sent the command %q, which is not for clients", f.Command)
}

// receive returns the server's next frame, which borrows from the buffer until the next call. owed is how many answers
// the server owes: while they are many, receive lets some gather before it reads.
func (s *session) receive(owed int) (Frame, error) {
	for {
		f, n, err := Parse(s.in[s.r:s.w], maxAnswer)
		if err == nil {
			s.r += n
			return f, nil
		}
		if err != ErrShort {
			return Frame{}, err
		}
		if owed >= manyOwed && !s.interrupted.Load() {
			s.pause()
		}
		if err := s.fill(); err != nil {
			return Frame{}, err
		}
	}
}

// interrupt ends a read or a write in progress. From then on, receive returns only what has arrived by now: answers
// that have gathered during a pause count. It may be called at any time, by any goroutine.
func (s *session) interrupt() {
	s.interrupted.Store(true)
	s.conn.SetDeadline(past)
}

// drained reports whether nothing is buffered. With a part of a frame in the buffer it returns false,
// although receive would have to read.
func (s *session) drained() bool { return s.r == s.w }

// fill reads what the connection has, and waits at most for the timeout. The buffer always has room: a
// frame within maxAnswer is shorter than the buffer.
func (s *session) fill() error {
	s.w = copy(s.in, s.in[s.r:s.w])
	s.r = 0
	s.conn.SetReadDeadline(time.Now().Add(s.timeout))
	if s.interrupted.Load() { // perhaps before the line above
		s.conn.SetReadDeadline(past)
	}
	n, err := s.conn.Read(s.in[s.w:])
	if n == 0 && s.interrupted.Load() && !s.exhausted {
		n, s.exhausted = readReady(s.conn, s.in[s.w:]), true
	}
	s.rearm()
	s.w += n
	switch {
	case n > 0:
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("no answer for %v: %w", s.timeout, err)
	case err == nil:
		return io.ErrNoProgress
	case err == io.EOF:
		return fmt.Errorf("the server closed the connection: %w", err)
	}
	return fmt.Errorf("read: %w", err)
}

// readReady reads what is there, even after the deadline. It does not wait, and returns 0 if it can read nothing.
func readReady(conn net.Conn, b []byte) (n int) {
	socket, ok := conn.(syscall.Conn)
	if !ok {
		return 0
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return 0
	}
	raw.Control(func(fd uintptr) { n, _ = unix.Read(int(fd), b) }) //nolint:errcheck // n stays 0
	return max(n, 0)
}
