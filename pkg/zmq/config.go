// Package zmq is ZeroMQ's data path: sockets that speak ZMTP with libzmq and every other implementation.
//
// A Socket has a type, any number of endpoints that it binds or connects to, and a Peer for each live
// connection. The patterns are those of RFC 28 (DEALER, ROUTER), RFC 29 (PUB, SUB) and RFC 30 (PUSH, PULL):
//
//   - PUSH and DEALER give each message to one of the peers that can take it now, in turn, and wait while none can.
//   - PULL, DEALER, ROUTER, SUB and XSUB take from all peers in turn, and stop reading while nothing receives.
//   - PUB and XPUB give each message to every peer that subscribed to its first frame. Only the slow ones miss it, and
//     learn of that if they are sockets of this package (missed.go).
//   - XPUB also reports what is subscribed to, and XSUB can change at any time what it subscribes to.
//   - ROUTER and DEALER ignore an empty message that a connection begins with (libzmq's ZMQ_PROBE_ROUTER).
//   - ROUTER answers a connection rather than a name: a Peer is what was received from, and what Send answers to.
//
// No message waits for a peer that is not connected, so that none is lost in a queue that is never drained. When a
// connection is lost, the messages that its peer had been given and that were not written are lost with it.
// Config.OnDown notifies the owner, which knows what was given to which peer.
//
// github.com/go-zeromq/zmq4 negotiates greeting, version and socket type on our connection, under a deadline
// and with bounded reads. Framing, queues and patterns are this package's own.
package zmq

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"

	"github.com/go-zeromq/zmq4"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/budget"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/listen"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/prefix"
)

// Type is a socket's type, as ZMTP's metadata spells it.
type Type = zmq4.SocketType

// The types that a Socket can have.
const (
	Dealer = zmq4.Dealer
	Router = zmq4.Router
	Push   = zmq4.Push
	Pull   = zmq4.Pull
	Pub    = zmq4.Pub
	Sub    = zmq4.Sub
	XPub   = zmq4.XPub
	XSub   = zmq4.XSub
)

// Defaults of Config.
const (
	DefaultHWM              = 1000
	DefaultMaxMessage       = 1 << 20
	DefaultReconnect        = 100 * time.Millisecond
	DefaultReconnectMax     = 30 * time.Second
	DefaultHandshakeTimeout = 10 * time.Second

	defaultSilence  = time.Second
	defaultFarewell = time.Second
	defaultStuck    = 5 * time.Second
)

// Config is what a Socket needs to know. The zero value of a field stands for its default.
//
// The functions are called from the goroutines of the connections, with no lock held. They must not call Close,
// and must not block for long, except OnReceive, which holds back the reading of that one peer. For one peer
// the order is OnUp, then any number of OnReceive and OnWritten, then OnDown.
type Config struct {
	Type       Type
	Identity   []byte   // routing identity of a DEALER, 0 to 255 bytes, not beginning with a zero byte
	Subscribe  []string // the prefixes that a SUB or XSUB asks for; none: it receives nothing
	HWM        int      // high-water mark: messages held per peer and direction; 0: DefaultHWM
	Batch      int      // most messages of a received Batch, which is a peer's turn; 0 or above HWM: HWM
	MaxMessage int      // bytes of all frames of a received message together, which is cut there; 0: DefaultMaxMessage

	Properties []Property // what all peers are told in the handshake; a few hundred bytes at most

	Security Security // who may connect, and what strangers can read; zero: anybody, and everything

	Reconnect, ReconnectMax time.Duration // first and longest wait between dials
	HandshakeTimeout        time.Duration // a peer that has not finished its handshake by then is dropped
	Reaching                time.Duration // how long Settled waits for endpoints at the start; 0: DefaultReaching
	Heartbeat               time.Duration // interval of PING; a peer silent for three is dropped; 0: none

	DNSServer      string        // host:port of the server that looks names up; "": the system's
	LookupInterval time.Duration // longest time between two lookups of a name; 0: discovery.DefaultInterval

	Budget *budget.Budget // bounds what the peers of all sockets that share it hold; nil: one of budget.Default bytes
	Gate   *listen.Gate   // bounds how many connections there are; nil: no bound
	Lanes  *listen.Lanes  // bound how many peers of a PUB or XPUB are written to at once; nil: no bound

	// Answered: senders send again what was not answered. What is left of one that is gone is thrown away then, rather
	// than kept until it is received, and the gate never ends the connection of one that has sent a message.
	Answered bool

	Logger *slog.Logger // nil: silent

	OnUp      func(*Peer)        // a peer is ready to be sent to
	OnDown    func(*Peer, error) // it is gone: nothing is sent to it or received from it any more
	OnWritten func(*Peer)        // the kernel took messages: Peer.Written has risen and there may be room
	OnReceive func(*Batch)       // takes the place of Recv; the callee owns the batch

	// OnMissed: a publisher has announced that this SUB or XSUB was too slow and has missed n messages since
	// the last announcement. Messages received later were published later. Only sockets of this package
	// announce that.
	OnMissed func(p *Peer, n uint64)

	// OnLost: a publisher that has its messages from others announces to this SUB or XSUB that n messages, which it
	// may have wanted, were lost before they came to the publisher; 0: an unknown number. The order is OnMissed's. It
	// is what Lost was called with there.
	OnLost func(p *Peer, n uint64)

	// Allow returns which topics a publisher may publish to an XSUB, or a subscriber may get from a PUB or XPUB, which
	// then gets the allowed part of what it asks for (see allow.go); nil: all topics. It is called for each new peer,
	// in Reallow, and before each batch is handed over: it must be fast, returns the same set unless the rights have
	// changed, and never changes a set. It is called with locks held, and must not call a method of Socket. An XSUB
	// with Allow needs OnReceive.
	Allow func(*Peer) *prefix.Set

	// Waiting returns how many messages wait for a peer, for the log; nil: that is not logged.
	Waiting func() int

	// Serves reports whether a peer with that routing identity is served here. If not, its connection is not made, so
	// that it sends what it has to another receiver, and comes again later. nil: all are.
	Serves func(identity []byte) bool

	// OnSubscription: an XPUB's peer begins to want a prefix, or no longer wants it, possibly because it is
	// gone. It is not called for a repeated subscription, nor for one of which Allow allows nothing; the prefix may be
	// wider than what Allow allows. The callee calls apply once, which makes the change take effect between two
	// published messages. It may be called while the socket is being closed.
	OnSubscription func(p *Peer, prefix []byte, wanted bool, apply func())

	// OnSettled: Settled returns nil from now on, until another peer comes.
	OnSettled func()

	// OnUnreachable: an endpoint that is connected to was not reached, or its peer was silent or dropped, and
	// dialling goes on; or the endpoint has left the name that led to it. It is called after OnDown.
	OnUnreachable func(endpoint string)

	// Tests replace these.
	silence  time.Duration // how long a member that has left must be silent before its connection is ended
	farewell time.Duration // how long Close waits for a peer to read what the peer's kernel has
	stuck    time.Duration // how long a peer must have taken nothing before its connection may make room for another
	dial     func(ctx context.Context, network, address string) (net.Conn, error)
}

func (c *Config) setDefaults() error {
	switch c.Type {
	case Dealer, Router, Push, Pull, Pub, Sub, XPub, XSub:
	default:
		return fmt.Errorf("socket type %q: only DEALER, ROUTER, PUSH, PULL, PUB, SUB, XPUB and XSUB are known", c.Type)
	}
	if len(c.Identity) > 255 || (len(c.Identity) > 0 && c.Identity[0] == 0) {
		return errors.New("a routing identity has at most 255 bytes and does not begin with a zero byte")
	}
	if c.Allow != nil && c.Type != Pub && c.Type != XPub && (c.Type != XSub || c.OnReceive == nil) {
		return errors.New("only PUB and XPUB, and XSUB with OnReceive, take Allow")
	}
	if err := c.Security.check(); err != nil {
		return err
	}
	if min(c.HWM, c.Batch, c.MaxMessage) < 0 {
		return errors.New("the high-water mark, the batch and the longest message cannot be negative")
	}
	if min(c.Reconnect, c.ReconnectMax, c.HandshakeTimeout, c.Heartbeat, c.Reaching) < 0 {
		return errors.New("the waits between dials, the time for a handshake and the heartbeat cannot be negative")
	}
	orDefault(&c.HWM, DefaultHWM)
	orDefault(&c.Batch, c.HWM)
	c.Batch = min(c.Batch, c.HWM)
	orDefault(&c.MaxMessage, DefaultMaxMessage)
	orDefault(&c.Reconnect, DefaultReconnect)
	orDefault(&c.ReconnectMax, DefaultReconnectMax)
	orDefault(&c.HandshakeTimeout, DefaultHandshakeTimeout)
	orDefault(&c.Reaching, DefaultReaching)
	orDefault(&c.silence, defaultSilence)
	orDefault(&c.farewell, defaultFarewell)
	orDefault(&c.stuck, defaultStuck)
	if c.Logger == nil {
		c.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	if c.Budget == nil {
		c.Budget = budget.New(budget.Default, 0)
	}
	if c.dial == nil {
		c.dial = (&net.Dialer{Control: listen.Yield}).DialContext
	}
	return nil
}

func orDefault[T comparable](value *T, fallback T) {
	var zero T
	if *value == zero {
		*value = fallback
	}
}
