package zmq

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-zeromq/zmq4"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmtp"
)

// metadata is what both ends tell of themselves in a handshake (RFC 23).
type metadata struct {
	typ            Type
	identity       []byte
	properties     []Property
	peerIdentity   []byte
	peerProperties []Property
	peerType       Type

	serves  func(identity []byte) bool // Config.Serves; nil: everybody is served
	probing bool                       // the peer must not take the handshake for complete: see Probe
}

// Property is what an application tells of itself in a handshake. Its name begins with "X-" (RFC 23); names are
// compared without case.
type Property struct{ Name, Value string }

// What is kept of the properties that a peer sends: a stranger's handshake must not make its connection dear. Further
// ones, and longer ones, are passed over.
const (
	maxProperties = 8
	maxProperty   = 255 // bytes of a value; the codec bounds the name
)

// encode returns our own.
func (m *metadata) encode() []byte {
	data := zmtp.AppendProperty(nil, zmtp.SocketType, []byte(m.typ))
	if m.typ == Dealer || m.typ == Router {
		data = zmtp.AppendProperty(data, zmtp.Identity, m.identity)
	}
	for _, p := range m.properties {
		data = zmtp.AppendProperty(data, p.Name, []byte(p.Value))
	}
	return data
}

// read reads the peer's, and tells zmq4 its type.
func (m *metadata) read(conn *zmq4.Conn, data []byte) error {
	var typ string
	err := zmtp.ParseMetadata(data, func(name, value []byte) {
		switch { // RFC 23: names are compared without case
		case strings.EqualFold(string(name), zmtp.SocketType):
			typ = string(value)
		case strings.EqualFold(string(name), zmtp.Identity):
			m.peerIdentity = append([]byte(nil), value...)
		case len(name) > 2 && strings.EqualFold(string(name[:2]), "X-"):
			if len(m.peerProperties) < maxProperties && len(value) <= maxProperty {
				m.peerProperties = append(m.peerProperties, Property{string(name), string(value)})
			}
		}
	})
	if err != nil {
		return err
	}
	if typ == "" {
		return errors.New("the peer does not say what its socket type is; is it a ZeroMQ socket?")
	}
	if !compatible(m.typ, Type(typ)) {
		return fmt.Errorf("a %s socket cannot talk to the peer's %q%s", m.typ, typ, mistaken(m.typ, Type(typ)))
	}
	if len(m.peerIdentity) > 255 {
		return fmt.Errorf("a routing identity of %d bytes: at most 255 are allowed", len(m.peerIdentity))
	}
	m.peerType = Type(typ)
	conn.Peer.Meta[zmtp.SocketType] = typ
	if m.probing {
		return errProbed
	}
	if m.serves != nil && !m.serves(m.peerIdentity) {
		return m.turnAway(conn)
	}
	return nil
}

// errElsewhere is why a peer is turned away that Config.Serves does not serve.
var errElsewhere = errors.New("another receiver serves this sender; this one stands by")

// turnAway ends a handshake before the peer takes it for complete. One of ours is told why, and comes again; libzmq
// would never try again after an ERROR.
func (m *metadata) turnAway(conn *zmq4.Conn) error {
	if len(m.peerProperties) > 0 {
		reason := errElsewhere.Error()
		conn.Write(zmtp.AppendCommand(nil, zmtp.Error, append([]byte{byte(len(reason))}, reason...))) //nolint:errcheck // it is over
	}
	return errElsewhere
}

func (m *metadata) established(s *session) {
	s.identity, s.properties = m.peerIdentity, m.peerProperties
}

// mistaken returns what to do if the peer is a hub's wrong side, or "".
func mistaken(own, peer Type) string {
	switch {
	case (own == Sub || own == XSub) && peer == XSub:
		return ": both subscribe; if the peer is a hub, connect to its side for subscribers"
	case (own == Pub || own == XPub) && peer == XPub:
		return ": both publish; if the peer is a hub, connect to its side for publishers"
	}
	return ""
}

// compatible reports whether the types can be connected, by zmq4's table, which panics on unknown types.
func compatible(own, peer Type) bool {
	switch peer {
	case zmq4.Pair, zmq4.Req, zmq4.Rep, Pub, Sub, Dealer, Router, Pull, Push, XPub, XSub:
		return peer.IsCompatible(own)
	}
	return false
}
