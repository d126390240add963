package zmq

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"syscall"
	"time"

	"github.com/go-zeromq/zmq4"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/curve"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmtp"
)

// session is the result of a handshake.
type session struct {
	commands bool   // the peer knows the commands of version 3.1: PING, SUBSCRIBE and CANCEL
	identity []byte // the peer's

	properties []Property // the peer's

	user   string         // see Peer.User
	key    *curve.Key     // see Peer.Key
	client bool           // the key was let in by Curve.Clients
	keys   *curve.Session // what seals and opens everything; nil: nothing does
}

// mechanism is one of ZMTP's security mechanisms, for one handshake. Its Handshake reads the peer's commands itself,
// because zmq4 would allocate whatever length the peer claims.
type mechanism interface {
	zmq4.Security
	server() bool         // we are its server
	established(*session) // fills in what the handshake has found out
}

// handshake performs greeting and handshake on conn. It sets conn's deadline, and clears it at the end. On an error the
// caller closes conn.
func handshake(conn net.Conn, m mechanism, typ Type, timeout time.Duration) (s session, err error) {
	return negotiate(conn, &greetingConn{Conn: conn, mechanism: m.Type(), server: m.server()}, m, typ, timeout)
}

// negotiate is handshake with a greeting of the caller's.
func negotiate(conn net.Conn, greeting *greetingConn, m mechanism, typ Type, timeout time.Duration) (s session, err error) {
	if err := conn.SetDeadline(time.Now().Add(timeout)); err != nil {
		return session{}, err
	}
	// zmq4 panics on some hostile greetings. What a stranger sends must end its connection and nothing else.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("malformed handshake: %v", r)
		}
	}()
	recorder := &recorder{mechanism: m, greeting: greeting}
	if _, err := zmq4.Open(greeting, recorder, typ, nil, false, nil); err != nil {
		if problem := greeting.problem(); problem != nil {
			return session{}, problem
		}
		return session{}, handshakeError(cmp.Or(recorder.err, err))
	}
	s.commands = greeting.commands()
	m.established(&s)
	return s, conn.SetDeadline(time.Time{})
}

// recorder keeps a mechanism's error, without the text that zmq4 adds. It does not let the mechanism begin after a
// greeting that zmq4 takes, and we do not: zmq4 compares mechanisms' names up to their first NUL.
type recorder struct {
	mechanism
	greeting *greetingConn
	err      error
}

func (r *recorder) Handshake(conn *zmq4.Conn, server bool) error {
	if r.err = r.greeting.problem(); r.err == nil {
		r.err = r.mechanism.Handshake(conn, server)
	}
	return r.err
}

// handshakeError says what to do about the most frequent errors.
func handshakeError(err error) error {
	var timeout net.Error
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		return errors.New("the peer did not finish the ZMTP handshake in time; is it a ZeroMQ socket?")
	case errors.As(err, new(*SecurityError)):
		return err
	case hungUp(err):
		return errHungUp
	}
	return err
}

var errHungUp = errors.New("the peer closed the connection during the ZMTP handshake; do socket types and security match?")

// hungUp reports whether the peer has closed the connection.
func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// unused is a mechanism's zmq4.Security without the handshake. Its methods are never called: frames do not pass through
// zmq4.
type unused struct{}

func (unused) Encrypt(w io.Writer, data []byte) (int, error) { return w.Write(data) }
func (unused) Decrypt(w io.Writer, data []byte) (int, error) { return w.Write(data) }

// sendCommand writes a handshake command. body begins with the length of its name.
func sendCommand(conn *zmq4.Conn, body []byte) error {
	_, err := conn.Write(zmtp.AppendFrame(nil, zmtp.Command, body))
	return err
}

// receiveCommand reads the handshake command that is to come now. It returns its whole body, and the data after its
// name.
func receiveCommand(conn *zmq4.Conn, want string) (body, data []byte, err error) {
	if body, err = readCommand(conn); err != nil {
		return nil, nil, err
	}
	name, data, err := zmtp.ParseCommand(body)
	switch {
	case string(name) == want && err == nil:
		return body, data, nil
	case string(name) == zmtp.Error && err == nil && zmtp.ErrorReason(data) == strconv.Quote(errElsewhere.Error()):
		return nil, nil, errElsewhere
	case string(name) == zmtp.Error && err == nil:
		return nil, nil, &SecurityError{fmt.Errorf("the peer refused the connection: %s", zmtp.ErrorReason(data))}
	case string(name) == zmtp.Hello && want == zmtp.Welcome:
		return nil, nil, &SecurityError{errors.New("security mismatch: both ends are clients; one must be the server")}
	case misspelt(body):
		return nil, nil, &SecurityError{fmt.Errorf("the peer refused the connection: %s", zmtp.ErrorReason(body[5:]))}
	case err != nil:
		return nil, nil, err
	}
	return nil, nil, fmt.Errorf("command %q where %s was expected", name, want)
}

// readCommand reads one command frame of at most maxCommand bytes, and no byte after it.
func readCommand(r io.Reader) ([]byte, error) {
	var buf []byte
	for need := 2; ; {
		have := len(buf)
		buf = append(buf, make([]byte, need-have)...)
		if _, err := io.ReadFull(r, buf[have:]); err != nil {
			return nil, err
		}
		flags, body, n, err := zmtp.DecodeFrame(buf, maxCommand)
		if err != nil {
			return nil, err
		}
		if n <= len(buf) {
			if flags&zmtp.Command == 0 {
				return nil, errors.New("a message where a handshake command was expected")
			}
			return body, nil
		}
		need = n
	}
}
