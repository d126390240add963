package listen

import (
	"net"
	"sync"
)

// Listener returns a listener whose connections write in lanes.
func (l *Lanes) Listener(of net.Listener) net.Listener {
	if l == nil {
		return of
	}
	return laned{of, l}
}

type laned struct {
	net.Listener
	lanes *Lanes
}

func (l laned) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &inLanes{Conn: conn, writer: l.lanes.Writer(conn)}, nil
}

// inLanes is a connection that writes in lanes. Several goroutines may write to it.
type inLanes struct {
	net.Conn
	mu     sync.Mutex
	writer *Writer
}

// NetConn returns the connection itself.
func (c *inLanes) NetConn() net.Conn { return c.Conn }

// Write implements net.Conn. It ends outside of the lanes, unless the connection's place was in one before.
func (c *inLanes) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.writer.in.Load() {
		defer c.writer.Leave()
	}
	return c.writer.Write(b)
}

// LaneOf returns the place of a connection that a listener of Lanes has accepted: whoever is the only one to write to
// it may do in its lane what comes before writing. Of other connections it returns nil. conn may be TLS over it.
func LaneOf(conn net.Conn) *Lane {
	for {
		if c, ok := conn.(*inLanes); ok {
			return c.writer.Lane
		}
		wrapped, ok := conn.(interface{ NetConn() net.Conn })
		if !ok {
			return nil
		}
		conn = wrapped.NetConn()
	}
}
