package zmq

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"

	"github.com/go-zeromq/zmq4"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmtp"
)

// plainMechanism is PLAIN (RFC 24): the client sends a name and a password, which the server checks.
type plainMechanism struct {
	metadata
	unused
	plain    *Plain
	asServer bool
	user     string // the client's, once it is known to be the right one
}

func (*plainMechanism) Type() zmq4.SecurityType { return zmq4.PlainSecurity }
func (m *plainMechanism) server() bool          { return m.asServer }

func (m *plainMechanism) established(s *session) {
	m.metadata.established(s)
	s.user = m.user
}

func (m *plainMechanism) Handshake(conn *zmq4.Conn, _ bool) error {
	password, err := m.plain.Password()
	if err != nil {
		return &SecurityError{err}
	}
	if m.asServer {
		return m.serve(conn, password)
	}
	return m.ask(conn, password)
}

const wrongPassword = "wrong user or password"

func (m *plainMechanism) ask(conn *zmq4.Conn, password string) error {
	hello := append([]byte{byte(len(m.plain.User))}, m.plain.User...)
	hello = append(append(hello, byte(len(password))), password...)
	if _, err := conn.Write(zmtp.AppendCommand(nil, zmtp.Hello, hello)); err != nil {
		return err
	}
	if _, _, err := receiveCommand(conn, zmtp.Welcome); err != nil {
		if hungUp(err) || errors.As(err, new(*SecurityError)) {
			return &SecurityError{fmt.Errorf("%s, as the server sees it: it has refused --plain-user %q (%w)",
				wrongPassword, m.plain.User, err)}
		}
		return err
	}
	if m.probing {
		return errProbed
	}
	if _, err := conn.Write(zmtp.AppendCommand(nil, zmtp.Initiate, m.encode())); err != nil {
		return err
	}
	_, data, err := receiveCommand(conn, zmtp.Ready)
	switch {
	case hungUp(err):
		return errors.New("the server has taken the password, and then ended the handshake: the socket types probably do not " +
			"fit; see the server's log")
	case err != nil:
		return err
	}
	return m.read(conn, data)
}

// serve refuses a client by closing the connection, as temporarily as that: libzmq would never try again after an
// ERROR.
func (m *plainMechanism) serve(conn *zmq4.Conn, password string) error {
	_, hello, err := receiveCommand(conn, zmtp.Hello)
	if err != nil {
		return err
	}
	user, rest, ok := cutText(hello)
	given, rest, ok2 := cutText(rest)
	if !ok || !ok2 || len(rest) > 0 {
		return errors.New("malformed PLAIN HELLO")
	}
	if right := same(user, m.plain.User) & same(given, password); right == 0 {
		return &SecurityError{errors.New(wrongPassword + ": they are not those of --plain-user and --plain-password-file")}
	}
	m.user = m.plain.User
	if _, err := conn.Write(zmtp.AppendCommand(nil, zmtp.Welcome, nil)); err != nil {
		return err
	}
	_, data, err := receiveCommand(conn, zmtp.Initiate)
	if err != nil {
		return err
	}
	if err := m.read(conn, data); err != nil {
		return err
	}
	_, err = conn.Write(zmtp.AppendCommand(nil, zmtp.Ready, m.encode()))
	return err
}

// cutText cuts off a text that its length, one byte, precedes.
func cutText(b []byte) (text, rest []byte, ok bool) {
	if len(b) == 0 || len(b) < 1+int(b[0]) {
		return nil, nil, false
	}
	return b[1 : 1+b[0]], b[1+int(b[0]):], true
}

// same compares in a time that depends on neither text.
func same(given []byte, want string) int {
	a, b := sha256.Sum256(given), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(a[:], b[:])
}

// misspelt reports whether body is an ERROR of PLAIN as libzmq writes it, up to 4.3.5 at least: without the length of
// its name, over which the first letter's place is taken.
func misspelt(body []byte) bool { return bytes.HasPrefix(body, []byte("^RROR")) }
