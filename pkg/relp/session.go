package relp

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

const (
	// offers is what a session is opened with. librelp's protocol version is 0, whatever the
	// description says, and it insists on syslog among the commands.
	offers = "relp_version=0\nrelp_software=rsyslog-zeromq\ncommands=syslog"
	// maxAnswer bounds the data of a frame from the server: librelp's text has at most 80 bytes, its
	// offers some 100.
	maxAnswer = 4096
	// readSize and writeSize are the bytes gathered into one read and one write.
	readSize  = 32 << 10
	writeSize = 64 << 10
)

var errServerClosed = errors.New("the server closed the session; is rsyslog stopping, or did it refuse a frame?")

// session is one connection with an opened RELP session. The transfer in progress owns it.
type session struct {
	conn    net.Conn
	timeout time.Duration
	rearm   func() // makes the kernel acknowledge at once what comes next; see quickAck
	next    int    // the transaction number to be used next

	in   []byte // in[r:w] has been read and not parsed
	r, w int
	out  []byte // scratch for writing
}

func newSession(conn net.Conn, timeout time.Duration) *session {
	return &session{
		conn: conn, timeout: timeout, rearm: quickAck(conn), next: 1,
		in: make([]byte, readSize), out: make([]byte, 0, writeSize),
	}
}

// open greets the server and reads its answer.
func (s *session) open() error {
	txnr, err := s.command("open", []byte(offers))
	if err != nil {
		return err
	}
	f, err := s.receive()
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

// close says good-bye and waits for the answer. imrelp's is an empty one; a server that hangs up
// instead has understood as well.
func (s *session) close() error {
	txnr, err := s.command("close", nil)
	if err != nil {
		return err
	}
	for {
		f, err := s.receive()
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

// answer returns what a frame from the server answers; any frame but rsp ends the session.
func (s *session) answer(f Frame) (Answer, error) {
	switch string(f.Command) {
	case "rsp":
		return ParseAnswer(f.Data)
	case "serverclose":
		return Answer{}, errServerClosed
	}
	return Answer{}, fmt.Errorf("the server sent the command %q, which is not for clients", f.Command)
}

// receive returns the server's next frame, which borrows from the buffer until the next call.
func (s *session) receive() (Frame, error) {
	for {
		f, n, err := Parse(s.in[s.r:s.w], maxAnswer)
		if err == nil {
			s.r += n
			return f, nil
		}
		if err != ErrShort {
			return Frame{}, err
		}
		if err := s.fill(); err != nil {
			return Frame{}, err
		}
	}
}

// drained reports whether receive would have to read. It may say no when a part of a frame is there.
func (s *session) drained() bool { return s.r == s.w }

// fill reads what is there, waiting for it no longer than the timeout. There is always room: a frame
// that Parse goes on with is shorter than the buffer.
func (s *session) fill() error {
	s.w = copy(s.in, s.in[s.r:s.w])
	s.r = 0
	s.conn.SetReadDeadline(time.Now().Add(s.timeout))
	n, err := s.conn.Read(s.in[s.w:])
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
