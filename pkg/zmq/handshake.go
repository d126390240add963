package zmq

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/go-zeromq/zmq4"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/curve"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmtp"
)

const (
	minorVersion  = 1  // ours: 3.1, so that peers know that we understand PING
	greetingSize  = 64 // bytes of a greeting (RFC 23); where its fields begin follows
	greetingMajor = 10
	greetingMinor = 11
	mechanismAt   = 12
	mechanismEnd  = 32
)

// leastVersion is what to do about an older peer. Version 1.0, of libzmq 2, has no greeting: what it sends looks like
// a stranger's. A greeting with a version below 3 is 2.0's, of libzmq 3.
const leastVersion = "a peer needs ZMTP 3.0: libzmq 4.0 (of 2013) or newer"

// session is the result of a handshake.
type session struct {
	commands bool       // the peer knows the commands of version 3.1: PING, SUBSCRIBE and CANCEL
	identity []byte     // the peer's
	user     string     // see Peer.User
	key      *curve.Key // see Peer.Key
}

// handshake performs greeting and NULL handshake on conn. It sets conn's deadline, and clears it at the end. On
// an error the caller closes conn.
func handshake(conn net.Conn, typ Type, identity []byte, timeout time.Duration) (s session, err error) {
	if err := conn.SetDeadline(time.Now().Add(timeout)); err != nil {
		return session{}, err
	}
	// zmq4 panics on some hostile greetings. What a stranger sends must end its connection and nothing else.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("malformed handshake: %v", r)
		}
	}()
	greeting := &greetingConn{Conn: conn}
	null := &nullMechanism{typ: typ, identity: identity}
	if _, err := zmq4.Open(greeting, null, typ, zmq4.SocketIdentity(identity), false, nil); err != nil {
		if problem := cmp.Or(greeting.problem(), null.problem); problem != nil {
			return session{}, problem
		}
		return session{}, handshakeError(err)
	}
	return session{commands: greeting.commands(), identity: null.peerIdentity}, conn.SetDeadline(time.Time{})
}

// handshakeError says what to do about the most frequent errors.
func handshakeError(err error) error {
	var timeout net.Error
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		return errors.New("the peer did not finish the ZMTP handshake in time; is it a ZeroMQ socket?")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return errors.New("the peer closed the connection during the ZMTP handshake; " +
			"do socket types and security match?")
	}
	return err
}

// greetingConn is a connection on which zmq4, which only knows version 3.0, greets as 3.1. It records the peer's
// greeting, which zmq4 does not pass on, and returns an error from Read as soon as that cannot become a valid one.
type greetingConn struct {
	net.Conn
	sent bool
	got  []byte // what has arrived of the peer's greeting
}

func (c *greetingConn) Write(b []byte) (int, error) {
	if !c.sent && len(b) == greetingSize {
		c.sent = true
		b = append([]byte(nil), b...)
		b[greetingMinor] = minorVersion
	}
	return c.Conn.Write(b)
}

func (c *greetingConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if missing := greetingSize - len(c.got); missing > 0 {
		c.got = append(c.got, b[:min(n, missing)]...)
		if problem := c.problem(); problem != nil {
			return n, problem
		}
	}
	return n, err
}

// problem returns what is wrong with what has arrived of the peer's greeting, or nil.
func (c *greetingConn) problem() error {
	if len(c.got) > 0 && c.got[0] != 0xff {
		return errors.New("the peer's greeting is not that of ZMTP 3.0; is it a ZeroMQ socket? " + leastVersion)
	}
	if len(c.got) > greetingMajor && c.got[greetingMajor] < 3 {
		return errors.New("the peer speaks ZMTP 2.0; " + leastVersion)
	}
	if len(c.got) < greetingSize {
		return nil
	}
	mechanism := bytes.TrimRight(c.got[mechanismAt:mechanismEnd], "\x00")
	if string(mechanism) != string(zmq4.NullSecurity) {
		return fmt.Errorf("the peer's security mechanism is %q, this end's is %q: give both ends the same security",
			mechanism, zmq4.NullSecurity)
	}
	return nil
}

// commands reports whether the peer's version is 3.1 or later.
func (c *greetingConn) commands() bool {
	return len(c.got) == greetingSize && (c.got[greetingMajor] > 3 || c.got[greetingMinor] > 0)
}

// nullMechanism is ZMTP's NULL security (RFC 23): each side sends READY with its metadata. It serves one
// handshake. It reads the peer's command itself, because zmq4 would allocate whatever length the peer claims.
type nullMechanism struct {
	typ          Type
	identity     []byte
	peerIdentity []byte
	problem      error // what is wrong with the peer, without the text that zmq4 adds
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
		m.problem = m.readMetadata(conn, data)
	case zmtp.Error:
		m.problem = fmt.Errorf("the peer refused the connection: %s", zmtp.ErrorReason(data))
	default:
		m.problem = fmt.Errorf("command %q where READY was expected", name)
	}
	return m.problem
}

func (m *nullMechanism) readMetadata(conn *zmq4.Conn, data []byte) error {
	var typ string
	err := zmtp.ParseMetadata(data, func(name, value []byte) {
		switch { // RFC 23: names are compared without case
		case strings.EqualFold(string(name), zmtp.SocketType):
			typ = string(value)
		case strings.EqualFold(string(name), zmtp.Identity):
			m.peerIdentity = append([]byte(nil), value...)
		}
	})
	if err != nil {
		return err
	}
	if typ == "" {
		return errors.New("the peer does not say what its socket type is; is it a ZeroMQ socket?")
	}
	if !compatible(m.typ, Type(typ)) {
		return fmt.Errorf("a %s socket cannot talk to the peer's %q%s", m.typ, typ, mistaken(m.typ, Type(typ)))
	}
	if len(m.peerIdentity) > 255 {
		return fmt.Errorf("a routing identity of %d bytes: at most 255 are allowed", len(m.peerIdentity))
	}
	conn.Peer.Meta[zmtp.SocketType] = typ
	return nil
}

// mistaken returns what to do if the peer is a hub's wrong side, or "".
func mistaken(own, peer Type) string {
	switch {
	case (own == Sub || own == XSub) && peer == XSub:
		return ": both subscribe; if the peer is a hub, connect to its side for subscribers"
	case (own == Pub || own == XPub) && peer == XPub:
		return ": both publish; if the peer is a hub, connect to its side for publishers"
	}
	return ""
}

// compatible reports whether the types can be connected, by zmq4's table, which panics on unknown types.
func compatible(own, peer Type) bool {
	switch peer {
	case zmq4.Pair, zmq4.Req, zmq4.Rep, Pub, Sub, Dealer, Router, Pull, Push, XPub, XSub:
		return peer.IsCompatible(own)
	}
	return false
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
