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

var errServerClosed = errors.New("the server closed the session; is rsyslog stopping, or did it refuse a frame?")

// session is a connection with an open RELP session. The transfer in progress owns it.
type session struct {
	conn    net.Conn
	timeout time.Duration
	rearm   func() // see quickAck
	next    int    // the next transaction number

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

// close sends close and waits for the answer, which is empty from imrelp. A server that closes the
// connection instead has understood as well.
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

// drained reports whether nothing is buffered. With a part of a frame in the buffer it returns false,
// although receive would have to read.
func (s *session) drained() bool { return s.r == s.w }

// fill reads what the connection has, and waits at most for the timeout. The buffer always has room: a
// frame within maxAnswer is shorter than the buffer.
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
