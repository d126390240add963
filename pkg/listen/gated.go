package listen

import "net"

// Listener returns l with the gate before it: its Accept returns connections that were admitted, and closes others.
func (g *Gate) Listener(l net.Listener) net.Listener {
	if g == nil {
		return l
	}
	return gated{l, g}
}

type gated struct {
	net.Listener
	gate *Gate
}

func (l gated) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		guest, err := l.gate.Admit(conn)
		if err == nil {
			return &admitted{conn, guest}, nil
		}
		conn.Close() // the gate logs it
	}
}

// admitted is a connection that leaves the gate when it is closed.
type admitted struct {
	net.Conn
	guest *Guest
}

// NetConn returns the connection itself.
func (c *admitted) NetConn() net.Conn { return c.Conn }

// Close implements net.Conn.
func (c *admitted) Close() error {
	err := c.Conn.Close()
	c.guest.Leave()
	return err
}

// GuestOf returns the guest of a connection that a gate's listener has accepted; nil if there is none. conn may be TLS
// over it.
func GuestOf(conn net.Conn) *Guest {
	for {
		if c, ok := conn.(*admitted); ok {
			return c.guest
		}
		wrapped, ok := conn.(interface{ NetConn() net.Conn })
		if !ok {
			return nil
		}
		conn = wrapped.NetConn()
	}
}
