// Package zmq is ZeroMQ's data path: sockets that speak ZMTP with libzmq and every other implementation.
//
// A Socket has a type, any number of endpoints that it binds or connects to, and a Peer for each live
// connection. The patterns are those of RFC 28 (DEALER, ROUTER), RFC 29 (PUB, SUB) and RFC 30 (PUSH, PULL):
//
//   - PUSH and DEALER give each message to one of the peers that can take it now, in turn, and wait when none can;
//   - PULL, DEALER, ROUTER, SUB and XSUB take from all peers in turn and stop reading when nobody receives;
//   - PUB and XPUB give each message to every peer that subscribed to its first frame, and drop it for the slow alone, who hear
//     of that if they are sockets of this package (dropped.go);
//   - XPUB also tells what is subscribed to, and XSUB changes at any time what it subscribes to;
//   - ROUTER answers a connection, not a name: a Peer is what was received from, and what Send answers to.
//
// No message waits for a peer that is not connected, so none is lost in a queue that nobody drains. What a
// lost connection had been given but had not written is gone with it: Config.OnDown tells the owner, who
// knows what was given to whom.
//
// Greeting, version and socket type are settled by github.com/go-zeromq/zmq4 on our connection, under a
// deadline and with bounded reads; framing, queues and patterns are this package's own.
package zmq

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/go-zeromq/zmq4"
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
)

// maxQueueBytes bounds a peer's queue in bytes, whatever HWM allows: a queue always takes one message, and
// no further one behind this many bytes. It keeps a thousand long messages from being a gigabyte.
const maxQueueBytes = 4 << 20

// maxQueuesBytes bounds all of a socket's queues together: from 64 peers on each has its part of it, and not less than minQueueBytes. It keeps
// a thousand subscribers that do not read from being 4 GiB.
const (
	maxQueuesBytes = 64 * maxQueueBytes
	minQueueBytes  = 64 << 10
)

// Config is what a Socket needs to know. The zero value of a field stands for its default.
//
// The functions are called from the goroutines of the connections, with no lock held. They must not block for long,
// except OnReceive, which holds back the reading of that one peer; and they must not call Close. For one peer
// the order is OnUp, then any number of OnReceive and OnWritten, then OnDown.
type Config struct {
	Type       Type
	Identity   []byte   // routing identity of a DEALER, 0 to 255 bytes, not beginning with a zero byte
	Subscribe  []string // the prefixes that a SUB or XSUB asks for; none: it receives nothing
	HWM        int      // messages held per peer and direction; DefaultHWM
	MaxMessage int      // bytes of all frames of a received message together; DefaultMaxMessage

	Reconnect, ReconnectMax time.Duration // first and longest wait between dials
	HandshakeTimeout        time.Duration // a peer that has not finished its handshake by then is dropped
	Heartbeat               time.Duration // interval of PING; a peer silent for three is dropped; 0: none

	DNSServer      string        // host:port of the server to ask for endpoints that are looked up; "": the system's
	LookupInterval time.Duration // longest time between two lookups of one; 0: discovery.DefaultInterval

	Logger *slog.Logger // nil: silent

	OnUp      func(*Peer)        // a peer is ready to be sent to
	OnDown    func(*Peer, error) // it is gone: nothing is sent to it or received from it any more
	OnWritten func(*Peer)        // the kernel took messages: Peer.Written has risen and there may be room
	OnReceive func(*Batch)       // takes the place of Recv; the callee owns the batch

	// A SUB or XSUB hears that a publisher, a socket of this package, has dropped n messages for it since the last time: it was
	// too slow. What comes behind was published later.
	OnMissed func(p *Peer, n uint64)

	// An XPUB's peer begins to want a prefix, or wants it no more, also because it is gone; not each time it says so twice.
	// apply makes it take effect: the callee calls it once, and no message is between what was published before
	// and after. It may be called when the socket is being closed.
	OnSubscription func(p *Peer, prefix []byte, wanted bool, apply func())

	// An endpoint that is connected to was not reached, or its peer was silent or dropped, and dialling goes on; or the endpoint has left the
	// name that led to it. It comes behind OnDown.
	OnUnreachable func(endpoint string)
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
	if c.HWM < 0 || c.MaxMessage < 0 {
		return errors.New("the high-water mark and the longest message cannot be negative")
	}
	if min(c.Reconnect, c.ReconnectMax, c.HandshakeTimeout, c.Heartbeat) < 0 {
		return errors.New("the waits between dials, the time for a handshake and the heartbeat cannot be negative")
	}
	orDefault(&c.HWM, DefaultHWM)
	orDefault(&c.MaxMessage, DefaultMaxMessage)
	orDefault(&c.Reconnect, DefaultReconnect)
	orDefault(&c.ReconnectMax, DefaultReconnectMax)
	orDefault(&c.HandshakeTimeout, DefaultHandshakeTimeout)
	if c.Logger == nil {
		c.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	return nil
}

func orDefault[T comparable](value *T, fallback T) {
	var zero T
	if *value == zero {
		*value = fallback
	}
}
