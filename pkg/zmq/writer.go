package zmq

import (
	"math"
	"net"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/curve"
)

// writeLoop writes what the outbox holds, everything that waits in one system call, until the connection fails.
func (p *Peer) writeLoop() error {
	heartbeat, stop := p.heartbeat()
	defer stop()
	defer p.writer.Leave()
	requests := p.requests.due
	idle := time.NewTimer(idleTime) // ticks now and then without need
	defer idle.Stop()
	var ended bool
	for {
		select {
		case <-heartbeat: // even when there is always something to write: the peer may have nothing else to answer
			p.outbox.ping()
		default:
		}
		if p.outbox.waits() {
			p.writer.Enter() // before take, so that what comes while this peer waits for its turn is taken along
		}
		w := p.outbox.take()
		if w.denied {
			p.socket.relieve(p)
		}
		if w.closed {
			return ErrClosed
		}
		if !w.empty() {
			if err := p.write(w); err != nil {
				return err
			}
			p.writer.Leave() // others have their turn
			continue
		}
		p.writer.Leave()
		if w.last && !ended {
			p.closeWrite()
			ended, requests = true, nil
		}
		if w.large {
			idle.Reset(idleTime)
		}
		select {
		case <-p.outbox.wake:
		case <-requests:
			if err := p.writeRequests(); err != nil {
				return err
			}
		case <-idle.C:
			p.outbox.shrink()
		case <-heartbeat:
			p.outbox.ping()
		case <-p.socket.done:
			return ErrClosed
		}
	}
}

// maxWrite is how many bytes are written at once, so that it is known when the kernel has taken some.
const maxWrite = 256 << 10

// maxSeal is how many bytes are sealed, and then written, at once: few enough that the peer opens some while the next
// are being sealed.
const maxSeal = 64 << 10

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
	rest := w.messages
	control, err := p.encrypted(w.control)
	if err != nil {
		return err
	}
	if len(control) > 0 {
		first, err := p.next(rest)
		if err != nil {
			return err
		}
		rest = rest[len(first):]
		p.writing.Store(int64(time.Since(p.began)))
		if err := p.writeBoth(control, first); err != nil {
			return err
		}
	}
	for len(rest) > 0 {
		p.writing.Store(int64(time.Since(p.began)))
		next, err := p.next(rest)
		if err != nil {
			return err
		}
		if _, err := p.writer.Write(next); err != nil {
			return err
		}
		rest = rest[len(next):]
	}
	p.writing.Store(0)
	p.guest.Touch()
	p.outbox.wrote(w)
	if w.count > 0 {
		p.socket.progress()
		if p.socket.cfg.OnWritten != nil {
			p.socket.cfg.OnWritten(p)
		}
	}
	return nil
}

// writeBoth writes commands and then messages.
func (p *Peer) writeBoth(control, messages []byte) error {
	if p.socket.publishes() && p.socket.cfg.Lanes != nil { // one system call after the other, each in a lane
		if _, err := p.writer.Write(control); err != nil {
			return err
		}
		_, err := p.writer.Write(messages)
		return err
	}
	buffers := net.Buffers{control, messages}
	_, err := buffers.WriteTo(p.conn)
	return err
}

// writeRequests writes what the peer has yet to be told of what is wanted.
func (p *Peer) writeRequests() error {
	requests, err := p.encrypted(p.requests.take(p.session.commands))
	if err != nil {
		return err
	}
	_, err = p.conn.Write(requests)
	return err
}

// next returns what is written next of encoded messages, sealed if the connection is encrypted.
func (p *Peer) next(messages []byte) ([]byte, error) {
	if keys := p.session.keys; keys != nil {
		n, err := keys.Sealer.Seal(messages, maxSeal)
		return messages[:n], err
	}
	return messages[:min(len(messages), maxWrite)], nil
}

// encrypted returns encoded commands as they are to be written.
func (p *Peer) encrypted(commands []byte) ([]byte, error) {
	keys := p.session.keys
	if keys == nil || len(commands) == 0 {
		return commands, nil
	}
	sealed := curve.AppendFrames(nil, commands)
	_, err := keys.Sealer.Seal(sealed, math.MaxInt)
	return sealed, err
}

// closeWrite ends our side of the connection. An error means that the connection is gone, which the reader
// sees, too.
func (p *Peer) closeWrite() {
	if half, ok := p.conn.(interface{ CloseWrite() error }); ok {
		half.CloseWrite() //nolint:errcheck // see above
	}
}
