package zmq

import (
	"net"
	"time"
)

// writeLoop writes what the outbox holds, everything that waits in one system call, until the connection fails.
func (p *Peer) writeLoop() error {
	heartbeat, stop := p.heartbeat()
	defer stop()
	requests := p.requests.due
	var ended bool
	for {
		select {
		case <-heartbeat: // even when there is always something to write: the peer may have nothing else to answer
			p.outbox.ping()
		default:
		}
		w := p.outbox.take()
		if w.closed {
			return ErrClosed
		}
		if !w.empty() {
			if err := p.write(w); err != nil {
				return err
			}
			continue
		}
		if w.last && !ended {
			p.closeWrite()
			ended, requests = true, nil
		}
		select {
		case <-p.outbox.wake:
		case <-requests:
			if _, err := p.conn.Write(p.requests.take(p.session.commands)); err != nil {
				return err
			}
		case <-heartbeat:
			p.outbox.ping()
		case <-p.socket.done:
			return ErrClosed
		}
	}
}

// heartbeat returns a channel that ticks when a PING is due, or never if the peer gets none.
func (p *Peer) heartbeat() (<-chan time.Time, func()) {
	if p.beat == 0 {
		return nil, func() {}
	}
	ticker := time.NewTicker(p.beat)
	return ticker.C, ticker.Stop
}

// write writes a portion, accounts for it, and notifies those that wait for room.
func (p *Peer) write(w portion) error {
	var err error
	if len(w.control) > 0 {
		buffers := net.Buffers{w.control, w.messages}
		_, err = buffers.WriteTo(p.conn)
	} else {
		_, err = p.conn.Write(w.messages)
	}
	if err != nil {
		return err
	}
	p.outbox.wrote(w)
	if w.count > 0 {
		p.socket.progress()
		if p.socket.cfg.OnWritten != nil {
			p.socket.cfg.OnWritten(p)
		}
	}
	return nil
}

// closeWrite ends our side of the connection. An error means that the connection is gone, which the reader
// sees, too.
func (p *Peer) closeWrite() {
	if half, ok := p.conn.(interface{ CloseWrite() error }); ok {
		half.CloseWrite() //nolint:errcheck // see above
	}
}
