package zmq

import (
	"errors"
	"fmt"

	"github.com/go-zeromq/zmq4"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/curve"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmtp"
)

// What both ends call the same fault.
const (
	wrongServerKey = "wrong server key"
	clientRefused  = "client refused"
)

// errWrongServerKey is among the errors of a client whose server has another key.
var errWrongServerKey = errors.New(wrongServerKey)

// curveClient is a client's side of CURVE (RFC 25, RFC 26).
type curveClient struct {
	metadata
	unused
	own  *curve.KeyPair
	peer curve.Named
	keys *curve.Session
}

func (*curveClient) Type() zmq4.SecurityType { return zmq4.CurveSecurity }
func (*curveClient) server() bool            { return false }

func (m *curveClient) established(s *session) {
	m.metadata.established(s)
	s.keys, s.key, s.user = m.keys, &m.peer.Key, m.peer.User()
}

// Handshake learns from where a server ends it why it does: RFC 26 lets it say nothing.
func (m *curveClient) Handshake(conn *zmq4.Conn, _ bool) error {
	client, err := curve.NewClient(m.own, m.peer.Key, m.encode())
	if err != nil {
		return err
	}
	if err := sendCommand(conn, client.Hello()); err != nil {
		return err
	}
	welcome, _, err := receiveCommand(conn, zmtp.Welcome)
	switch {
	case hungUp(err):
		return &SecurityError{fmt.Errorf("%w: the server has ended the handshake at HELLO; its public key is probably not %s",
			errWrongServerKey, m.peer.Key)}
	case err != nil:
		return err
	}
	initiate, err := client.Initiate(welcome)
	if err != nil {
		return &SecurityError{err}
	}
	if m.probing {
		return errProbed
	}
	if err := sendCommand(conn, initiate); err != nil {
		return err
	}
	ready, _, err := receiveCommand(conn, zmtp.Ready)
	switch {
	case errors.Is(err, errElsewhere):
		return err
	case hungUp(err), errors.As(err, new(*SecurityError)):
		return &SecurityError{fmt.Errorf("%s: the server has ended the handshake at INITIATE; it probably does not know "+
			"this client's public key, %s, or the socket types do not fit: see the server's log (%w)", clientRefused, m.own.Public, err)}
	case err != nil:
		return err
	}
	data, keys, err := client.Finish(ready)
	if err != nil {
		return &SecurityError{err}
	}
	m.keys = keys
	return m.read(conn, data)
}

// curveServer is a server's side.
type curveServer struct {
	metadata
	unused
	own     *curve.KeyPair
	clients Clients
	peer    curve.Named
	keys    *curve.Session
}

func (*curveServer) Type() zmq4.SecurityType { return zmq4.CurveSecurity }
func (*curveServer) server() bool            { return true }

func (m *curveServer) established(s *session) {
	m.metadata.established(s)
	s.keys, s.key, s.user, s.client = m.keys, &m.peer.Key, m.peer.User(), true
}

// Handshake refuses a client by closing the connection: libzmq would never try again after an ERROR, even when the
// client's certificate has been added.
func (m *curveServer) Handshake(conn *zmq4.Conn, _ bool) error {
	server, err := curve.NewServer(m.own)
	if err != nil {
		return err
	}
	hello, _, err := receiveCommand(conn, zmtp.Hello)
	if err != nil {
		return err
	}
	welcome, err := server.Welcome(hello)
	if err != nil {
		return &SecurityError{err}
	}
	if err := sendCommand(conn, welcome); err != nil {
		return err
	}
	initiate, _, err := receiveCommand(conn, zmtp.Initiate)
	if err != nil {
		return err
	}
	data, err := m.accept(server, initiate)
	if err != nil {
		return &SecurityError{err}
	}
	if err := m.read(conn, data); err != nil {
		return err
	}
	ready, keys, err := server.Ready(m.encode())
	if err != nil {
		return err
	}
	m.keys = keys
	return sendCommand(conn, ready)
}

// accept finds out who the client is, and lets it in or not.
func (m *curveServer) accept(server *curve.Server, initiate []byte) (data []byte, err error) {
	if m.peer.Key, data, err = server.Accept(initiate); err != nil {
		return nil, err
	}
	name, ok := m.clients.Admit(m.peer.Key)
	if !ok {
		return nil, fmt.Errorf("%s: no certificate in --curve-clients has its public key, %s", clientRefused, m.peer.Key)
	}
	m.peer.Name = name
	return data, nil
}
