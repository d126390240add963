package zmq

import (
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/listen"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/prefix"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/curve"
)

// Peer is one live connection of a Socket. Its methods may be called from any goroutine, even after it is gone.
type Peer struct {
	number  uint64
	socket  *Socket
	conn    net.Conn
	writer  *listen.Writer // the writing goroutine's
	remote  string
	dialled string // the endpoint that was connected to; "": the peer has connected to us
	session session
	beat    time.Duration // heartbeat interval; 0: none
	began   time.Time
	outbox  outbox
	topics  prefix.Set    // what the peer has subscribed to; audience.mu guards it
	asked   atomic.Int64  // bytes of the budget that the topics take
	allowed *prefix.Set   // what it may subscribe to or publish; nil: everything
	guest   *listen.Guest // of the gate; nil: the peer was dialled
	quit    chan struct{} // closed: this side has ended the connection
	hangUp  sync.Once     // closes quit

	asks     bool     // we are a SUB or XSUB, and the peer a publisher
	requests requests // what it has yet to be told

	changes      int                       // see takeTurns; the reader's
	refused      disallowed                // the reader's
	ttl          time.Duration             // how long the peer may be silent, as its last PING says; 0: any time; the reader's
	look         *time.Ticker              // see offer; the reader's
	timed        bool                      // the connection has a read deadline; the reader's
	acknowledged uint64                    // bytes, as progressing last saw them; the reader's
	reported     uint64                    // messages that the peer has announced as missed by us; the reader's
	handed       atomic.Uint64             // twice the number of batches received; odd while one is being handed over
	ponged       atomic.Uint64             // the number of the last question that it has answered: see Question
	writing      atomic.Int64              // time since began when the present write began; 0: there is none
	reason       atomic.Pointer[dropError] // why we have dropped it, or nil
}

// maxUnsent is how many bytes the kernel holds for a subscriber that does not read, in addition to its outbox; or for a
// publisher that does not read what it is asked for.
const maxUnsent = 128 << 10

func newPeer(s *Socket, conn net.Conn, endpoint string, settled session) *Peer {
	p := &Peer{number: numbered.Add(1), socket: s, conn: conn, remote: remoteEndpoint(conn, endpoint), session: settled, quit: make(chan struct{}), began: time.Now()}
	p.outbox.limits, p.outbox.announces, p.outbox.wake = &s.limits, settled.commands, make(chan struct{}, 1)
	p.outbox.encrypts = settled.keys != nil
	if settled.commands { // before 3.1 there is no PING to answer
		p.beat = s.cfg.Heartbeat
	}
	if p.asks = s.cfg.Type == Sub || s.cfg.Type == XSub; p.asks {
		p.requests.due = make(chan struct{}, 1)
	}
	var lanes *listen.Lanes
	if s.publishes() {
		lanes = s.cfg.Lanes
	}
	p.writer = lanes.Writer(conn)
	if p.asks || s.publishes() {
		listen.LimitUnsent(conn, maxUnsent) //nolint:errcheck // then the kernel holds more
	}
	return p
}

// remoteEndpoint returns where the other side of a connection is: endpoint for a Unix socket, whose other side
// has no name.
func remoteEndpoint(conn net.Conn, endpoint string) string {
	if conn.RemoteAddr().Network() == "tcp" {
		return "tcp://" + conn.RemoteAddr().String()
	}
	return endpoint
}

// numbered counts the peers of this process.
var numbered atomic.Uint64

// Number returns a number that no other peer of this process has. It is not 0.
func (p *Peer) Number() uint64 { return p.number }

// Remote returns the peer's address as an endpoint; for a Unix socket, the path that was bound or connected to.
func (p *Peer) Remote() string { return p.remote }

// Endpoint returns the endpoint that was connected to, or "" if the peer has connected to us. A later peer with the
// same endpoint is the same process, or its successor.
func (p *Peer) Endpoint() string { return p.dialled }

// Identity returns the routing identity that the peer gave itself; empty if it gave none. Not to be modified.
func (p *Peer) Identity() []byte { return p.session.identity }

// Property returns what the peer has said of itself in the handshake, "" if nothing. It proves nothing.
func (p *Peer) Property(name string) string {
	for _, property := range p.session.properties {
		if strings.EqualFold(property.Name, name) {
			return property.Value
		}
	}
	return ""
}

// User returns who the peer has proved to be: the name of its CURVE certificate, or its key in Z85 if it has no name,
// or PLAIN's user; "" if it has proved nothing.
func (p *Peer) User() string { return p.session.user }

// Key returns the CURVE key that the peer has proved to be its own; nil: it has proved none. Not to be modified.
func (p *Peer) Key() *curve.Key { return p.session.key }

// Written returns how many messages the kernel has taken from us for this peer.
func (p *Peer) Written() uint64 {
	_, written, _ := p.outbox.state()
	return written
}

// Acknowledged reports whether the peer's kernel has acknowledged every byte of the first n messages given to
// this peer. It is false while anything else is under way (n must be the number of all messages) or if the
// connection has ended. Over a Unix socket it means that the peer's process has read the messages.
func (p *Peer) Acknowledged(n uint64) bool {
	return p.Written() >= n && acknowledged(p.conn)
}

// Send queues one message, one frame or more, for this very peer, whatever the socket's pattern. It does not
// block: it returns false if the peer's queue is full or the peer is gone. The frames are copied.
func (p *Peer) Send(frames ...[]byte) bool { return p.outbox.add(frames, true) }

// Queue is Send, but wakes no writer that has room left in its queue: Socket.Flush does, once for many messages.
func (p *Peer) Queue(frames ...[]byte) bool { return p.outbox.add(frames, false) }

// Flush wakes the peer's writer if it has something to write. Socket.Flush does that for all peers.
func (p *Peer) Flush() { p.outbox.flush() }

// dropError says that we have ended the connection, and why.
type dropError struct{ reason error }

func (e *dropError) Error() string { return e.reason.Error() }
func (e *dropError) Unwrap() error { return e.reason }

// Drop ends the connection; a connecting socket dials again. reason goes to the log and to OnDown. A nil reason
// leaves them with the connection's own error.
func (p *Peer) Drop(reason error) {
	if reason != nil {
		p.reason.CompareAndSwap(nil, &dropError{reason})
	}
	p.close()
}

// DropReason returns the reason with which Drop has ended the connection; nil if it has not.
func (p *Peer) DropReason() error {
	if reason := p.reason.Load(); reason != nil {
		return reason.reason
	}
	return nil
}

// close closes the connection, which ends readLoop and writeLoop.
func (p *Peer) close() {
	p.hangUp.Do(func() { close(p.quit) })
	p.conn.Close()
}

// run calls up, and then reads and writes until the connection ends. It returns why the connection has ended. A SUB or
// XSUB first asks for what it wants, whatever up does: until then it misses what is published.
func (p *Peer) run(up func()) error {
	written := make(chan error, 1)
	if !p.asks {
		up()
	}
	go func() {
		err := p.writeLoop()
		p.end() // at once: the reader may be waiting for a receiver
		written <- err
		p.close() // ends readLoop
	}()
	if p.asks {
		up()
	}
	err := p.readLoop()
	p.end()
	reason := p.reason.Load()
	p.close() // ends writeLoop
	writeErr := <-written
	p.outbox.discard()
	if errors.Is(err, net.ErrClosed) {
		err = writeErr // the writer has ended first, or the peer was dropped
	}
	if reason != nil {
		return reason
	}
	return err
}

// end takes the peer out of the socket and ends its outbox.
func (p *Peer) end() {
	p.socket.remove(p)
	p.outbox.close()
	p.socket.progress()
}
