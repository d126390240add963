package zmq

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmtp"
)

// silentIntervals is how many heartbeat intervals a peer may be silent.
const silentIntervals = 3

// readLoop reads until the connection fails or the stream cannot be followed.
func (p *Peer) readLoop() error {
	r := newReceiver(p.socket.cfg.MaxMessage, p.socket.cfg.HWM)
	r.peer, r.command = p, p.command
	if p.socket.cfg.Type == Sub {
		r.wanted = &p.socket.wanted
	}
	defer func() { r.block.release() }()
	for {
		space := r.space()
		if p.silent > 0 { // it begins anew with each read: that nobody received for a while is not the peer's silence
			if err := p.conn.SetReadDeadline(time.Now().Add(p.silent)); err != nil {
				return err
			}
		}
		n, err := p.conn.Read(space)
		if err != nil {
			return p.readError(err)
		}
		r.filled(n)
		for {
			batch, err := r.parse()
			if batch != nil {
				p.socket.receive(batch)
			}
			if err != nil {
				return err
			}
			if batch == nil {
				break
			}
		}
	}
}

func (p *Peer) readError(err error) error {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return fmt.Errorf("silent for %v", p.silent)
	}
	return err
}

// command obeys a command from the peer.
func (p *Peer) command(name, data []byte) error {
	switch string(name) {
	case zmtp.Ping:
		p.appendControl(zmtp.AppendCommand(nil, zmtp.Pong, zmtp.PingContext(data)))
	case zmtp.Subscribe:
		return p.subscribe(data)
	case zmtp.Cancel:
		p.cancel(data)
	case zmtp.Error:
		return fmt.Errorf("the peer reports an error: %s", zmtp.ErrorReason(data))
	}
	return nil // PONG has shown that the peer lives; others are for later versions
}
