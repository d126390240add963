package zmq

import (
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/go-zeromq/zmq4"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmtp"
)

const (
	greetingSize     = 64      // bytes (RFC 23)
	greetingMinor    = 11      // offset of the minor version
	minorVersion     = 1       // ours: 3.1, so that peers know that we understand PING
	maxHandshakeSize = 8 << 10 // bytes of a handshake command
)

// session is what a handshake has settled.
type session struct {
	minor    byte // the peer's minor version; 0 knows no PING
	identity []byte
}

// handshake performs greeting and NULL handshake on conn. The deadline is conn's for the time of the
// handshake, and none afterwards. On an error the caller closes conn.
func handshake(conn net.Conn, typ Type, identity []byte, timeout time.Duration) (s session, err error) {
	if err := conn.SetDeadline(time.Now().Add(timeout)); err != nil {
		return session{}, err
	}
	// zmq4 panics on some hostile greetings; what a stranger sends must end its connection and nothing else.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("malformed handshake: %v", r)
		}
	}()
	greeting := &greetingConn{Conn: conn}
	null := &nullMechanism{typ: typ, identity: identity}
	if _, err := zmq4.Open(greeting, null, typ, zmq4.SocketIdentity(identity), false, nil); err != nil {
		return session{}, handshakeError(err)
	}
	return session{minor: greeting.peerMinor, identity: null.peerIdentity}, conn.SetDeadline(time.Time{})
}

// handshakeError puts the commonest causes in the words of somebody who has to mend them.
func handshakeError(err error) error {
	var timeout net.Error
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		return errors.New("the peer did not finish the ZMTP handshake in time; is it a ZeroMQ socket?")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the peer closed the connection during the ZMTP handshake; do socket types and security match?")
	}
	return err
}

// greetingConn is a connection on which zmq4, which only knows version 3.0, greets as 3.1; it keeps the
// peer's minor version, which zmq4 does not tell.
type greetingConn struct {
	net.Conn
	greeted   bool
	read      int
	peerMinor byte
}

func (c *greetingConn) Write(b []byte) (int, error) {
	if !c.greeted && len(b) == greetingSize {
		c.greeted = true
		b = append([]byte(nil), b...)
		b[greetingMinor] = minorVersion
	}
	return c.Conn.Write(b)
}

func (c *greetingConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if at := greetingMinor - c.read; at >= 0 && at < n {
		c.peerMinor = b[at]
	}
	c.read += n
	return n, err
}

// nullMechanism is ZMTP's NULL security (RFC 23): each side sends READY with its metadata. It serves one
// handshake. It reads the peer's command itself, because zmq4 would allocate whatever length the peer claims.
type nullMechanism struct {
	typ          Type
	identity     []byte
	peerIdentity []byte
}

func (*nullMechanism) Type() zmq4.SecurityType { return zmq4.NullSecurity }

// Encrypt and Decrypt are never called: frames do not pass through zmq4.
func (*nullMechanism) Encrypt(w io.Writer, data []byte) (int, error) { return w.Write(data) }
func (*nullMechanism) Decrypt(w io.Writer, data []byte) (int, error) { return w.Write(data) }

func (m *nullMechanism) Handshake(conn *zmq4.Conn, _ bool) error {
	metadata := zmtp.AppendProperty(nil, zmtp.SocketType, []byte(m.typ))
	if m.typ == Dealer || m.typ == Router {
		metadata = zmtp.AppendProperty(metadata, zmtp.Identity, m.identity)
	}
	if _, err := conn.Write(zmtp.AppendCommand(nil, zmtp.Ready, metadata)); err != nil {
		return err
	}
	body, err := readCommand(conn)
	if err != nil {
		return err
	}
	name, data, err := zmtp.ParseCommand(body)
	if err != nil {
		return err
	}
	switch string(name) {
	case zmtp.Ready:
		return m.readMetadata(conn, data)
	case zmtp.Error:
		return fmt.Errorf("the peer refused the connection: %s", zmtp.ErrorReason(data))
	}
	return fmt.Errorf("command %q where READY was due", name)
}

func (m *nullMechanism) readMetadata(conn *zmq4.Conn, data []byte) error {
	var typ string
	err := zmtp.ParseMetadata(data, func(name, value []byte) {
		switch string(name) {
		case zmtp.SocketType:
			typ = string(value)
		case zmtp.Identity:
			m.peerIdentity = append([]byte(nil), value...)
		}
	})
	if err != nil {
		return err
	}
	if !compatible(m.typ, Type(typ)) {
		return fmt.Errorf("a %s socket cannot talk to the peer's %q", m.typ, typ)
	}
	if len(m.peerIdentity) > 255 {
		return fmt.Errorf("a routing identity of %d bytes: at most 255 are allowed", len(m.peerIdentity))
	}
	conn.Peer.Meta[zmtp.SocketType] = typ
	return nil
}

// compatible asks zmq4's table, which panics on types that it does not know.
func compatible(own, peer Type) bool {
	switch peer {
	case zmq4.Pair, zmq4.Pub, zmq4.Sub, zmq4.Req, zmq4.Rep, zmq4.Dealer, zmq4.Router, zmq4.Pull, zmq4.Push, zmq4.XPub, zmq4.XSub:
		return peer.IsCompatible(own)
	}
	return false
}

// readCommand reads one command frame of at most maxHandshakeSize bytes and not a byte more.
func readCommand(r io.Reader) ([]byte, error) {
	var buf []byte
	for need := 2; ; {
		have := len(buf)
		buf = append(buf, make([]byte, need-have)...)
		if _, err := io.ReadFull(r, buf[have:]); err != nil {
			return nil, err
		}
		flags, body, n, err := zmtp.DecodeFrame(buf, maxHandshakeSize)
		if err != nil {
			return nil, err
		}
		if n <= len(buf) {
			if flags != zmtp.Command {
				return nil, errors.New("a message where a handshake command was due")
			}
			return body, nil
		}
		need = n
	}
}
