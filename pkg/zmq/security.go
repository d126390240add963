package zmq

import "github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/curve"

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

// Recheck ends the connections of those that Curve.Clients no longer lets in. It is called after they have changed.
func (s *Socket) Recheck() {}
