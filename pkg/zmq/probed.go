package zmq

import (
	"context"
	"errors"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/endpoint"
)

// Probed is what Probe has learnt of a peer.
type Probed struct {
	Remote string // the address that was reached; "": none was
	Type   Type   // "": not known
	User   string // who the peer has proved to be; "": it has proved nothing
	// Partly: the handshake was left unfinished before the peer said what it is, because it would have begun to send.
	Partly bool
	// Elsewhere: the peer stands by, while another receiver serves senders like this one.
	Elsewhere bool
}

// Probe connects once to an endpoint without Lookup, performs the handshake that a socket with this configuration would
// perform, and hangs up. For each server key it takes at most Config.HandshakeTimeout to dial, and as long for the
// handshake.
//
// No message may reach the probe, as it would be lost. A socket to which peers send unasked (PULL, ROUTER) therefore
// does not finish the handshake. Where the peer speaks first or is a CURVE client, its type is known by then; a server
// of CURVE or PLAIN tells it only at the end.
func Probe(ctx context.Context, cfg Config, e endpoint.Endpoint) (found Probed, err error) {
	if err := cfg.setDefaults(); err != nil {
		return Probed{}, err
	}
	s := &Socket{cfg: cfg}
	for key := range s.serverKeys(true) {
		if found, err = s.probe(ctx, e, key, s.cfg.Type == Pull || s.cfg.Type == Router); !errors.Is(err, errWrongServerKey) {
			break
		}
	}
	if errors.Is(err, errHungUp) && s.cfg.Security == (Security{}) {
		// libzmq hangs up on a type that does not fit, and may not have told its own by then.
		if again, reason := s.probe(ctx, e, 0, true); reason != nil && !errors.Is(reason, errHungUp) {
			return again, reason
		}
	}
	return found, err
}

// errProbed ends the handshake of a probe that must not be finished.
var errProbed = errors.New("probed")

// probe probes once. listen: it does not finish the handshake, and says nothing before the peer does.
func (s *Socket) probe(ctx context.Context, e endpoint.Endpoint, key int, listen bool) (found Probed, err error) {
	dialling, cancel := context.WithTimeout(ctx, s.cfg.HandshakeTimeout)
	defer cancel()
	conn, err := s.cfg.dial(dialling, e.Network, e.Address)
	if err != nil {
		return Probed{}, err
	}
	defer conn.Close()
	if reachesItself(conn) {
		return Probed{}, errItself
	}
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	found.Remote = conn.RemoteAddr().String()
	m := s.mechanism(true, key)
	about := metadataOf(m)
	about.probing = listen
	greeting := &greetingConn{Conn: conn, mechanism: m.Type(), server: m.server(), first: s.cfg.HandshakeTimeout / 2}
	established, err := negotiate(conn, greeting, m, s.cfg.Type, s.cfg.HandshakeTimeout)
	found.Type, found.User = about.peerType, established.user
	switch {
	case errors.Is(err, errProbed):
		found.Partly, err = found.Type == "", nil
	case errors.Is(err, errElsewhere):
		found.Elsewhere, err = true, nil
	case err != nil && ctx.Err() != nil:
		err = ctx.Err()
	}
	return found, err
}

// metadataOf returns a mechanism's metadata.
func metadataOf(m mechanism) *metadata {
	switch m := m.(type) {
	case *curveServer:
		return &m.metadata
	case *curveClient:
		return &m.metadata
	case *plainMechanism:
		return &m.metadata
	case *nullMechanism:
		return &m.metadata
	}
	return &metadata{} // impossible: there are no others
}
