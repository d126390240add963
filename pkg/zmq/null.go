package zmq

import (
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

func (m *nullMechanism) Handshake(conn *zmq4.Conn, _ bool) error {
	if _, err := conn.Write(zmtp.AppendCommand(nil, zmtp.Ready, m.encode())); err != nil {
		return err
	}
	_, data, err := receiveCommand(conn, zmtp.Ready)
	if err != nil {
		return err
	}
	return m.read(conn, data)
}
