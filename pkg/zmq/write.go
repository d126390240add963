package zmq

import (
	"net"
	"time"
)

// maxControl bounds the commands that wait to be written to a peer: one that floods us with PING without
// reading the answers gets no further ones.
const maxControl = 4 << 10

// writeLoop writes what is queued, everything that waits in one system call, until the connection fails.
func (p *Peer) writeLoop() error {
	heartbeat, stop := p.heartbeat()
	defer stop()
	var spare []byte // the queue's buffer after next
	var small int
	var ended bool
	for {
		select {
		case <-heartbeat: // also when there is always something to write: the peer may have nothing else to answer
			p.ping()
		default:
		}
		w := p.take(spare)
		if w.closed {
			return errClosed
		}
		if !w.empty() {
			if err := p.write(w); err != nil {
				return err
			}
			spare = keep(w.out, &small)
			continue
		}
		if w.last && !ended {
			p.closeWrite()
			ended = true
		}
		select {
		case <-p.wake:
		case <-heartbeat:
			p.ping()
		case <-p.socket.done:
			return errClosed
		}
	}
}

// heartbeat ticks when a PING is due, never when there is none.
func (p *Peer) heartbeat() (<-chan time.Time, func()) {
	if p.beat == 0 {
		return nil, func() {}
	}
	ticker := time.NewTicker(p.beat)
	return ticker.C, ticker.Stop
}

// work is what a writer has to do.
type work struct {
	control, out []byte
	count        int  // messages in out
	last         bool // nothing comes behind it
	closed       bool // and it is not to be written
}

func (w *work) empty() bool { return w.count == 0 && len(w.control) == 0 }

// take takes everything that waits; spare becomes the queue's buffer. After an empty one the writer must wait.
func (p *Peer) take(spare []byte) (w work) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w.last, w.closed = p.sealed, p.closed
	p.idle = p.outCount == 0 && len(p.control) == 0
	if !p.idle && !p.closed {
		w.control, w.out, w.count = p.control, p.out, p.outCount
		p.control, p.out, p.outCount = nil, spare, 0
	}
	return w
}

func (p *Peer) write(w work) error {
	var err error
	if len(w.control) > 0 {
		buffers := net.Buffers{w.control, w.out}
		_, err = buffers.WriteTo(p.conn)
	} else {
		_, err = p.conn.Write(w.out)
	}
	if err == nil && w.count > 0 {
		p.wrote(len(w.out), w.count)
	}
	return err
}

// wrote accounts for what the kernel has taken and tells those who wait for room.
func (p *Peer) wrote(size, count int) {
	p.mu.Lock()
	p.queued -= count
	p.bytes -= size
	p.written += uint64(count)
	p.extra, p.extraBytes = max(0, p.extra-count), max(0, p.extraBytes-size)
	if p.full && p.queued <= p.socket.cfg.HWM/2 && p.bytes <= p.socket.QueueBytes()/2 {
		p.full = false
	}
	p.mu.Unlock()
	p.socket.progress()
	if p.socket.cfg.OnWritten != nil {
		p.socket.cfg.OnWritten(p)
	}
}

// keep returns a written buffer for its next use, unless a burst is over and its memory is given back: at once when
// it is very large, otherwise after some time. small counts the writes in a row that a much smaller one would have held.
func keep(written []byte, small *int) []byte {
	switch {
	case cap(written) > 4*maxBlock && len(written) < cap(written)/4:
		return nil
	case cap(written) <= minBlock || len(written) > cap(written)/wasted:
		*small = 0
	default:
		if *small++; *small == enough {
			*small = 0
			return nil
		}
	}
	return written[:0]
}

// closeWrite tells the peer that nothing more comes. An error means that the connection is gone, which the
// reader sees, too.
func (p *Peer) closeWrite() {
	if half, ok := p.conn.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
}
