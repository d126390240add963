package zmq

import (
	"errors"
	"net"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/endpoint"
)

// A member that leaves while it is dialled, waited for, or in its handshake.
func TestPartingWithoutAPeer(t *testing.T) {
	t.Parallel()
	for _, typ := range []Type{Push, Sub} {
		t.Run(string(typ), func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			e := endpoint.Endpoint{Network: "tcp", Address: l.Addr().String()}
			g := grouped(t, Config{Type: typ})
			g.join(e)
			conn, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			r := &raw{Conn: conn, t: t}
			r.hear(64) // it waits for our greeting
			g.leave(e)
			if typ == Push { // which comes, and is waited for
				r.say(greeting(3, 1, "NULL"), ready("PULL"))
			}
			r.ended()
			conn.Close()
			g.over(e)

			l.Close()
			g.join(e)
			<-g.missing
			<-g.missing
			g.leave(e)
			eventually(t, "its end", func() bool {
				g.mu.Lock()
				defer g.mu.Unlock()
				return len(g.members) == 0
			})
		})
	}
}

// A connection that stands when its member has just left is not begun.
func TestLeftWhileDialled(t *testing.T) {
	g := grouped(t, Config{Type: Push})
	e := g.member("PULL")
	if _, err := g.dialAndServe(soon(t), e, &member{}); !errors.Is(err, errLeft) {
		t.Errorf("it was served: %v", err)
	}
}

// A member that is back is connected to once its earlier connection is gone, and nobody is told that it is unreachable.
func TestBackWhileParting(t *testing.T) {
	t.Parallel()
	g := grouped(t, Config{Type: Dealer})
	e := g.member("ROUTER")
	first := g.joined(e)
	for range 3 { // only the last one lasts
		g.leave(e)
		g.join(e)
	}
	g.refuses()
	first.ended()
	select {
	case <-g.conns:
		t.Error("there are two connections")
	default:
	}
	first.Close()
	second := <-g.conns
	peers(t, g.Socket, 1)
	if err := g.Send(soon(t), []byte("m")); err != nil {
		t.Fatal(err)
	}
	if _, body := second.frame(); body != "m" {
		t.Errorf("heard %q", body)
	}
	if len(g.missing) > 0 {
		t.Errorf("%s is unreachable", <-g.missing)
	}
	g.leave(e)
	second.ended()
	second.Close()
	g.over(e)
}

// Names that lead to one member count.
func TestMemberOfSeveralNames(t *testing.T) {
	g := grouped(t, Config{Type: Sub})
	e := g.member("PUB")
	r := g.joined(e)
	g.join(e)
	g.join(e)
	g.leave(e)
	g.leave(e)
	r.say(command("PING", "\x00\x00"))
	if _, body := r.frame(); body != "\x04PONG" {
		t.Errorf("answered %q", body)
	}
	g.leave(e)
	r.ended()
	g.over(e)
	if len(g.conns) > 0 {
		t.Error("there was a second connection")
	}
}

// A socket that is closed or retired does not wait for members that leave, and is told of leaves behind its end.
func TestCloseWhileParting(t *testing.T) {
	for _, typ := range []Type{Push, Router, Pull} {
		g := grouped(t, Config{Type: typ})
		peerType := map[Type]string{Push: "PULL", Router: "DEALER", Pull: "PUSH"}[typ]
		e, other := g.member(peerType), g.member(peerType)
		r := g.joined(e)
		defer g.joined(other).Close()
		g.leave(e)
		g.Retire()
		r.ended()
		r.Close()
		g.Close(soon(t))
		g.leave(other)
		if len(g.missing) > 0 {
			t.Errorf("%s: unreachable behind the end", typ)
		}
	}
}
