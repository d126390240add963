package zmq

import (
	"net"
	"sync"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/listen"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/prefix"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmtp"
)

// Peer is one live connection of a Socket. Its methods may be called from any goroutine, also when it is gone.
type Peer struct {
	socket  *Socket
	conn    net.Conn
	remote  string
	dialled string // the endpoint that was connected to; "": the peer has connected to us
	session session
	beat    time.Duration // heartbeat interval; 0: none
	taken   uint64        // the reader's: see taking
	missed  uint64        // the reader's: how many messages the peer says it has dropped for us
	topics  prefix.Set    // what the peer has subscribed to; audience.mu guards it
	wake    chan struct{} // capacity 1; for the writer

	mu       sync.Mutex
	out      []byte // encoded messages that the writer has not taken yet
	outCount int    // messages in out
	queued   int    // messages in out and in the write under way
	bytes    int    // their bytes
	written  uint64 // messages that the kernel has taken whole
	dropped  uint64 // messages that a PUB had for this peer when its queue was full
	told     uint64 // how many of them the peer was told of
	extra    int    // messages in the queue that were replayed: they do not count
	// and their bytes
	extraBytes int
	control    []byte // commands to be written before out
	full       bool   // the queue takes nothing until half of it is written
	idle       bool   // the writer waits for wake
	sealed     bool   // nothing more is taken: what is queued is written, then our side of the connection is closed
	closed     bool   // nothing more is taken or written
	reason     error  // why we dropped it
	parting    parting
}

// maxUnsent is how many bytes the kernel keeps for a subscriber that does not read, besides those of its queue.
const maxUnsent = 128 << 10

func newPeer(s *Socket, conn net.Conn, endpoint string, settled session) *Peer {
	p := &Peer{socket: s, conn: conn, remote: remoteEndpoint(conn, endpoint), session: settled, wake: make(chan struct{}, 1)}
	if settled.commands { // before 3.1 there is no PING to answer
		p.beat = s.cfg.Heartbeat
	}
	if s.cfg.Type == Pub || s.cfg.Type == XPub {
		listen.LimitUnsent(conn, maxUnsent) //nolint:errcheck // the kernel holds more, then
	}
	return p
}

// remoteEndpoint is where the other side of a connection is; a Unix socket's other side has no name but endpoint.
func remoteEndpoint(conn net.Conn, endpoint string) string {
	if conn.RemoteAddr().Network() == "tcp" {
		return "tcp://" + conn.RemoteAddr().String()
	}
	return endpoint
}

// Remote is the peer's address as an endpoint; for a Unix socket, the path that was bound or connected to.
func (p *Peer) Remote() string { return p.remote }

// Endpoint is the endpoint that was connected to; empty when the peer has connected to us. Who is reached there again is
// the same peer, or its successor.
func (p *Peer) Endpoint() string { return p.dialled }

// Identity is the routing identity that the peer gave itself; empty when it gave none. Not to be modified.
func (p *Peer) Identity() []byte { return p.session.identity }

// Written is the number of messages that the kernel has taken from us for this peer.
func (p *Peer) Written() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.written
}

// Acknowledged tells whether the peer's kernel has acknowledged every byte of the first n messages given to
// this peer. It can only say so when nothing else is under way to it (n must be the number of all of them) and
// the connection stands. Over a Unix socket it means that the peer's process has read them.
func (p *Peer) Acknowledged(n uint64) bool {
	return p.Written() >= n && acknowledged(p.conn)
}

// Send queues one message, one frame or more, for this very peer, whatever the socket's pattern. It does not block:
// it returns false when the peer's queue is full or the peer is gone. The frames are copied.
func (p *Peer) Send(frames ...[]byte) bool {
	return p.enqueue(frames, true)
}

// Queue is Send without waking the writer, if there is room left in the queue: Socket.Flush does, once for many messages.
func (p *Peer) Queue(frames ...[]byte) bool {
	return p.enqueue(frames, false)
}

// dropError says that we have ended the connection, and why.
type dropError struct{ reason error }

func (e *dropError) Error() string { return e.reason.Error() }
func (e *dropError) Unwrap() error { return e.reason }

// Drop ends the connection; a connecting socket dials again. reason goes to the log and to OnDown.
func (p *Peer) Drop(reason error) {
	p.mu.Lock()
	if p.reason == nil {
		p.reason = reason
	}
	p.mu.Unlock()
	p.conn.Close() // ends readLoop
}

// enqueue copies a message to the queue; with wake, the writer hears of it.
func (p *Peer) enqueue(frames [][]byte, wake bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.push(frames) {
		return false
	}
	if wake {
		p.wakeWriter()
	}
	return true
}

// push is enqueue for who holds mu. A queue that is full now wakes the writer by itself: whoever waits for room
// must not depend on a Flush that nobody calls.
func (p *Peer) push(frames [][]byte) bool {
	if p.full || p.sealed || p.closed || p.parting.begun {
		return false
	}
	before := len(p.out)
	p.out = zmtp.AppendMessage(p.out, frames...)
	p.outCount++
	p.queued++
	p.bytes += len(p.out) - before
	p.filled()
	return true
}

// filled looks whether the queue is full now. The caller holds mu.
func (p *Peer) filled() {
	if p.queued >= p.socket.cfg.HWM+p.extra || p.bytes >= p.socket.QueueBytes()+p.extraBytes {
		p.full = true
		p.wakeWriter()
	}
}

// flush wakes the writer when it has something to do.
func (p *Peer) flush() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.outCount > 0 {
		p.wakeWriter()
	}
}

// wakeWriter wakes the writer if it sleeps. The caller holds mu.
func (p *Peer) wakeWriter() {
	if !p.idle {
		return
	}
	p.idle = false
	select {
	case p.wake <- struct{}{}:
	default: // an older wake-up has not been received yet and serves as well
	}
}

// appendControl queues a command, unless the peer does not read those that it was sent.
func (p *Peer) appendControl(command []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sealed || p.closed || len(p.control) >= maxControl {
		return
	}
	p.control = append(p.control, command...)
	p.wakeWriter()
}

// seal lets nothing more in; the writer writes what is queued and then closes our side of the connection.
func (p *Peer) seal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sealed = true
	p.wakeWriter()
}

// leave lets nothing more in and ends the writer. It returns why the peer was dropped, if it was.
func (p *Peer) leave() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.out, p.control = nil, nil // who remembers the peer for a while does not keep them
	p.wakeWriter()
	return p.reason
}

// state tells how many messages are queued, how many were written, and whether the connection is at its end.
func (p *Peer) state() (queued int, written uint64, closed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.queued, p.written, p.closed
}
