package zmq

import (
	"slices"

	"github.com/go-zeromq/zmq4"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmtp"
)

// nullMechanism is NULL (RFC 23): each side sends READY with its metadata, and proves nothing.
type nullMechanism struct {
	metadata
	unused
}

func (*nullMechanism) Type() zmq4.SecurityType { return zmq4.NullSecurity }
func (*nullMechanism) server() bool            { return false }

// Handshake listens before it speaks if the peer may be turned away: with our READY, it would begin to send.
func (m *nullMechanism) Handshake(conn *zmq4.Conn, _ bool) error {
	steps := []func(*zmq4.Conn) error{m.write, m.receive}
	if m.serves != nil || m.probing {
		slices.Reverse(steps)
	}
	for _, step := range steps {
		if err := step(conn); err != nil {
			return err
		}
	}
	return nil
}

func (m *nullMechanism) write(conn *zmq4.Conn) error {
	_, err := conn.Write(zmtp.AppendCommand(nil, zmtp.Ready, m.encode()))
	return err
}

func (m *nullMechanism) receive(conn *zmq4.Conn) error {
	_, data, err := receiveCommand(conn, zmtp.Ready)
	if err != nil {
		return err
	}
	return m.read(conn, data)
}
