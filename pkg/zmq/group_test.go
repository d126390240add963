package zmq

import (
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/endpoint"
)

// group is a socket with members, as names lead to them, and what it reported about them.
type group struct {
	*Socket
	t       *testing.T
	conns   chan *raw // that members have accepted, after the handshake
	downs   chan error
	missing chan string
	log     logged

	piped  bool     // members are reached over pipes, in a bubble of synctest
	served sync.Map // what serves each address, func(*raw), if piped
	last   int      // number of the last address, if piped
}

// grouped makes a socket whose members listen on TCP.
func grouped(t *testing.T, cfg Config) *group {
	g := &group{t: t}
	g.open(cfg)
	return g
}

// inGroup runs a test in fake time, with a socket whose members are at the other end of unbuffered pipes.
func inGroup(t *testing.T, cfg Config, test func(t *testing.T, g *group)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		g := &group{t: t, piped: true}
		cfg.dial = g.dial
		g.open(cfg)
		test(t, g)
	})
}

func (g *group) open(cfg Config) {
	g.conns, g.downs, g.missing = make(chan *raw, 10), make(chan error, 10), make(chan string, 10)
	cfg.Reconnect, cfg.Logger = time.Millisecond, g.log.logger()
	cfg.OnDown = func(_ *Peer, err error) { g.downs <- err }
	cfg.OnUnreachable = func(endpoint string) { g.missing <- endpoint }
	g.Socket = open(g.t, cfg)
}

// dial connects to what is served at a piped address.
func (g *group) dial(_ context.Context, _, address string) (net.Conn, error) {
	serve, found := g.served.Load(address)
	if !found {
		return nil, errors.New("there is no listener")
	}
	near, far := pipes()
	go serve.(func(*raw))(&raw{Conn: far, t: g.t, mayEnd: true})
	return near, nil
}

// listen serves connections at an address of its own.
func (g *group) listen(serve func(*raw)) endpoint.Endpoint {
	g.t.Helper()
	if g.piped {
		g.last++
		e := endpoint.Endpoint{Network: "tcp", Address: "192.0.2." + strconv.Itoa(g.last) + ":1"}
		g.served.Store(e.Address, serve)
		return e
	}
	e, err := endpoint.Connect(listenRaw(g.t, serve))
	if err != nil {
		g.t.Fatal(err)
	}
	return e
}

// member listens as a peer of the given type, and returns what joins and leaves.
func (g *group) member(typ string) endpoint.Endpoint {
	g.t.Helper()
	return g.listen(func(r *raw) {
		r.shake(typ)
		g.conns <- r
	})
}

// joined has a member join, and returns its end of the connection.
func (g *group) joined(e endpoint.Endpoint) *raw {
	g.t.Helper()
	before := g.Peers()
	g.join(e)
	r := <-g.conns
	r.mayEnd = false
	peers(g.t, g.Socket, before+1)
	return r
}

// over waits until nothing is left of a member, and checks that this was reported once.
func (g *group) over(e endpoint.Endpoint) {
	g.t.Helper()
	if at := <-g.missing; at != e.String() {
		g.t.Errorf("%s is unreachable, want %s", at, e)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.members) > 0 || len(g.missing) > 0 {
		g.t.Errorf("%d members are left, and %d more are unreachable", len(g.members), len(g.missing))
	}
}

// refuses waits until no message is accepted any more.
func (g *group) refuses() {
	g.t.Helper()
	eventually(g.t, "the socket to accept no message", func() bool { return g.Queue([]byte("more")) == nil })
}

// pipe is one end of an unbuffered connection whose two directions end separately, like those of TCP.
type pipe struct {
	*io.PipeReader
	*io.PipeWriter
}

func pipes() (near, far *pipe) {
	fromFar, toNear := io.Pipe()
	fromNear, toFar := io.Pipe()
	return &pipe{fromFar, toFar}, &pipe{fromNear, toNear}
}

func (p *pipe) Close() error {
	p.PipeReader.Close()
	return p.PipeWriter.Close()
}

func (p *pipe) CloseWrite() error              { return p.PipeWriter.Close() }
func (*pipe) LocalAddr() net.Addr              { return &net.UnixAddr{Name: "pipe", Net: "unix"} }
func (*pipe) RemoteAddr() net.Addr             { return &net.UnixAddr{Name: "pipe", Net: "unix"} }
func (*pipe) SetDeadline(time.Time) error      { return nil }
func (*pipe) SetReadDeadline(time.Time) error  { return nil }
func (*pipe) SetWriteDeadline(time.Time) error { return nil }
