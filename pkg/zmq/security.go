package zmq

import (
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/curve"
)

// Security says how the ends of a connection prove who they are, and whether strangers can read it. The zero value is
// NULL: neither. At most one of the fields is set.
type Security struct {
	Curve *Curve
	Plain *Plain
}

// Curve is the mechanism CURVE (RFC 25, RFC 26): both ends have a certificate, and everything is encrypted. Who is its
// server does not depend on who binds: a socket with Clients is, one with Servers is not. With both, it is the server
// where it has bound, and the client where it has connected.
type Curve struct {
	Own     curve.KeyPair
	Servers []curve.Named // the keys by which a client knows its servers: any of them will do
	Clients Clients       // which clients a server lets in
}

// Clients decides which clients a server lets in. Its method may be called from any goroutine.
type Clients interface {
	// Admit returns the client's name, "" if its certificate gives none, and whether it may connect.
	Admit(key curve.Key) (name string, ok bool)
}

// Plain is the mechanism PLAIN (RFC 24): the end that has bound is the server, which checks name and password. Nothing
// is encrypted.
type Plain struct {
	User     string
	Password func() (string, error) // called for each connection
}

// SecurityError says that a connection was not made for a reason of security. docs/security.md has a row for the text
// that each begins with.
type SecurityError struct{ reason error }

func (e *SecurityError) Error() string { return e.reason.Error() }
func (e *SecurityError) Unwrap() error { return e.reason }

func (c *Security) check() error {
	switch {
	case c.Curve != nil && c.Plain != nil:
		return errors.New("CURVE and PLAIN exclude each other")
	case c.Curve != nil && len(c.Curve.Servers) == 0 && c.Curve.Clients == nil:
		return errors.New("CURVE needs the key of a server, or clients to let in")
	}
	return nil
}

// mechanism returns what performs the handshake of one connection. server is the index of the server's key that a CURVE
// client tries.
func (s *Socket) mechanism(dialled bool, server int) mechanism {
	about := metadata{typ: s.cfg.Type, identity: s.cfg.Identity, properties: s.cfg.Properties, serves: s.cfg.Serves}
	switch c := s.cfg.Security.Curve; {
	case c != nil && c.serves(dialled):
		return &curveServer{metadata: about, own: &c.Own, clients: c.Clients}
	case c != nil:
		return &curveClient{metadata: about, own: &c.Own, peer: c.Servers[server%len(c.Servers)]}
	case s.cfg.Security.Plain != nil:
		return &plainMechanism{metadata: about, plain: s.cfg.Security.Plain, asServer: !dialled}
	}
	return &nullMechanism{metadata: about}
}

// serves reports whether this end is the server of a connection.
func (c *Curve) serves(dialled bool) bool {
	return c.Clients != nil && (len(c.Servers) == 0 || !dialled)
}

// serverKeys returns how many keys of servers a connection may have to try.
func (s *Socket) serverKeys(dialled bool) int {
	if c := s.cfg.Security.Curve; c != nil && !c.serves(dialled) {
		return len(c.Servers)
	}
	return 1
}

var errRemoved = errors.New(clientRefused + ": its certificate is no longer in --curve-clients")

// Recheck ends the connections of those that Curve.Clients no longer lets in. It is called after they have changed.
func (s *Socket) Recheck() {
	s.mu.Lock()
	peers := slices.Clone(s.peers)
	s.mu.Unlock()
	for _, p := range peers {
		p.recheck()
	}
}

func (p *Peer) recheck() {
	if !p.session.client {
		return
	}
	if _, ok := p.socket.cfg.Security.Curve.Clients.Admit(*p.session.key); !ok {
		p.Drop(&SecurityError{errRemoved})
	}
}

// Refusal is a connection that a socket has turned away, or ended, for reasons of security.
type Refusal struct {
	Peer   string
	Reason string
	At     time.Time
}

// Refused returns how many connections of others were not made, or were ended, for reasons of security. That ours are
// refused is in Endpoints.
func (s *Socket) Refused() uint64 { return s.refused.Load() }

// LastRefusal returns the last of these; nil: there was none.
func (s *Socket) LastRefusal() *Refusal { return s.refusal.Load() }

// noteRefused counts err if it is a reason of security.
func (s *Socket) noteRefused(peer string, err error) {
	if errors.As(err, new(*SecurityError)) {
		s.refused.Add(1)
		s.refusal.Store(&Refusal{peer, why(err), time.Now()})
	}
}

// logUser is the attribute of a peer's log lines that says who it has proved to be.
func logUser(user string) slog.Attr {
	if user == "" {
		return slog.Attr{}
	}
	return slog.String("user", user)
}
