package zmq

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmtp"
)

// silentIntervals is how many heartbeat intervals a peer may be silent.
const silentIntervals = 3

// maxControl bounds the commands that wait to be written to a peer: one that floods us with PING without
// reading the answers gets no further ones.
const maxControl = 4 << 10

var errNothing = errors.New("nothing to write")

// Peer is one live connection of a Socket. Its methods may be called from any goroutine, also when it is gone.
type Peer struct {
	socket   *Socket
	conn     net.Conn
	remote   string
	endpoint string
	session  session

	mu       sync.Mutex
	out      []byte // encoded messages that the writer has not taken yet
	outCount int    // messages in out
	queued   int    // messages in out and in the write under way
	bytes    int    // their bytes
	accepted uint64 // messages ever queued
	written  uint64 // messages that the kernel has taken whole
	dropped  uint64 // messages that a PUB had for this peer when its queue was full
	control  []byte // commands to be written before out
	topics   subscriptions
	full     bool // the queue takes nothing until half of it is written
	idle     bool // the writer waits for wake
	closed   bool
	reason   error // why we dropped it

	wake   chan struct{} // capacity 1
	silent time.Duration // how long the peer may be silent; 0: for ever
}

func newPeer(s *Socket, conn net.Conn, endpoint string, settled session) *Peer {
	p := &Peer{socket: s, conn: conn, endpoint: endpoint, session: settled, wake: make(chan struct{}, 1)}
	p.remote = endpoint
	if conn.RemoteAddr().Network() == "tcp" {
		p.remote = "tcp://" + conn.RemoteAddr().String()
	}
	if settled.minor > 0 { // before 3.1 there is no PING to answer
		p.silent = silentIntervals * s.cfg.Heartbeat
	}
	for _, prefix := range s.cfg.Subscribe {
		if settled.minor > 0 {
			p.control = zmtp.AppendCommand(p.control, zmtp.Subscribe, []byte(prefix))
		} else {
			p.control = zmtp.AppendFrame(p.control, 0, append([]byte{subscribeByte}, prefix...))
		}
	}
	return p
}

// Remote is the peer's address as an endpoint; for a Unix socket, the path that was bound or connected to.
func (p *Peer) Remote() string { return p.remote }

// Identity is the routing identity that the peer gave itself; empty when it gave none. Not to be modified.
func (p *Peer) Identity() []byte { return p.session.identity }

// Written is the number of messages that the kernel has taken from us for this peer.
func (p *Peer) Written() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.written
}

// Acknowledged tells whether the peer's kernel has acknowledged every byte of the first n messages given to
// this peer. It can only say so when nothing else is under way to it: n must be the number of all of them.
// Over a Unix socket it means that the peer's process has read them.
func (p *Peer) Acknowledged(n uint64) bool {
	if p.Written() < n {
		return false
	}
	unsent, err := unacknowledged(p.conn)
	return err == nil && unsent == 0
}

// Send queues one message for this very peer, whatever the socket's pattern. It does not block: it returns
// false when the peer's queue is full or the peer is gone. The frames are copied.
func (p *Peer) Send(frames ...[]byte) bool {
	if !p.enqueue(frames) {
		return false
	}
	p.flush()
	return true
}

// Drop ends the connection; a connecting socket dials again. reason goes to the log and to OnDown.
func (p *Peer) Drop(reason error) {
	p.mu.Lock()
	if p.reason == nil {
		p.reason = reason
	}
	p.mu.Unlock()
	p.conn.Close() // ends readLoop
}

// leave lets nothing more in and ends the writer. It returns why the peer was dropped, if it was.
func (p *Peer) leave() error {
	p.mu.Lock()
	p.closed, p.idle = true, false
	reason := p.reason
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default: // an older wake-up has not been received yet and serves as well
	}
	return reason
}

// enqueue copies a message to the queue without waking the writer.
func (p *Peer) enqueue(frames [][]byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.full || p.closed {
		return false
	}
	before := len(p.out)
	p.out = zmtp.AppendMessage(p.out, frames...)
	p.outCount++
	p.queued++
	p.accepted++
	p.bytes += len(p.out) - before
	p.full = p.queued >= p.socket.cfg.HWM || p.bytes >= maxQueueBytes
	return true
}

// flush wakes the writer when it sleeps and has something to do.
func (p *Peer) flush() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.idle && (p.outCount > 0 || len(p.control) > 0) {
		p.idle = false
		select {
		case p.wake <- struct{}{}:
		default: // an older wake-up has not been received yet and serves as well
		}
	}
}

// appendControl queues a command.
func (p *Peer) appendControl(command []byte) {
	p.mu.Lock()
	if len(p.control) < maxControl {
		p.control = append(p.control, command...)
	}
	p.mu.Unlock()
	p.flush()
}

// command obeys a command from the peer.
func (p *Peer) command(name string, data []byte) error {
	switch name {
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

// writeLoop writes what is queued, everything that waits in one system call, until the connection fails.
func (p *Peer) writeLoop() error {
	heartbeat, stop := p.heartbeat()
	defer stop()
	var spare []byte
	for {
		out, count, control, err := p.take(spare)
		if errors.Is(err, errClosed) {
			return err
		}
		if errors.Is(err, errNothing) {
			select {
			case <-p.wake:
			case <-heartbeat:
				p.appendControl(zmtp.AppendPing(nil))
			case <-p.socket.done:
				return errClosed
			}
			continue
		}
		if err := p.write(control, out); err != nil {
			return err
		}
		p.wrote(len(out), count)
		spare = out[:0]
		if cap(spare) > maxBlock && len(out) < cap(spare)/4 {
			spare = nil // a burst is over: give the memory back
		}
	}
}

// heartbeat ticks when a PING is due, never when there is none.
func (p *Peer) heartbeat() (<-chan time.Time, func()) {
	if p.silent == 0 {
		return nil, func() {}
	}
	ticker := time.NewTicker(p.socket.cfg.Heartbeat)
	return ticker.C, ticker.Stop
}

// take takes everything that waits; spare becomes the queue's buffer. After errNothing the writer must wait.
func (p *Peer) take(spare []byte) (out []byte, count int, control []byte, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, 0, nil, errClosed
	}
	if p.outCount == 0 && len(p.control) == 0 {
		p.idle = true
		return nil, 0, nil, errNothing
	}
	p.idle = false
	out, count, control = p.out, p.outCount, p.control
	p.out, p.outCount, p.control = spare, 0, nil
	return out, count, control, nil
}

func (p *Peer) write(control, out []byte) error {
	if len(control) > 0 {
		buffers := net.Buffers{control, out}
		_, err := buffers.WriteTo(p.conn)
		return err
	}
	_, err := p.conn.Write(out)
	return err
}

// wrote accounts for what the kernel has taken and tells those who wait for room.
func (p *Peer) wrote(size, count int) {
	if count == 0 {
		return
	}
	p.mu.Lock()
	p.queued -= count
	p.bytes -= size
	p.written += uint64(count)
	if p.full && p.queued <= p.socket.cfg.HWM/2 && p.bytes <= maxQueueBytes/2 {
		p.full = false
	}
	p.mu.Unlock()
	p.socket.progress()
	if p.socket.cfg.OnWritten != nil {
		p.socket.cfg.OnWritten(p)
	}
}

// readLoop reads until the connection fails or the stream cannot be followed.
func (p *Peer) readLoop() error {
	r := newReceiver(p, p.socket.cfg.MaxMessage, p.socket.cfg.HWM)
	defer func() { r.block.release() }()
	for {
		space := r.space()
		if p.silent > 0 {
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

// drained tells whether everything queued has been written.
func (p *Peer) drained() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.queued == 0
}
