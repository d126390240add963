package zmq

import (
	"errors"
	"testing"
	"testing/synctest"
)

// A member leaves during its handshake, or while it is dialled again and again.
func TestPartingWithoutAPeer(t *testing.T) {
	for _, typ := range []Type{Push, Sub} {
		t.Run(string(typ), func(t *testing.T) {
			inGroup(t, Config{Type: typ}, func(t *testing.T, g *group) {
				conns := make(chan *raw, 1)
				e := g.listen(func(r *raw) { conns <- r })
				g.join(e)
				r := <-conns
				r.mayEnd = false
				r.hear(64) // now the socket waits for our greeting
				g.leave(e)
				if typ == Push { // whose handshake is waited for
					r.say(greeting(3, 1, "NULL"))
					r.frame()
					r.say(ready("PULL"))
				}
				r.ended()
				r.Close()
				g.over(e)

				g.served.Delete(e.Address)
				g.join(e)
				<-g.missing
				<-g.missing
				g.leave(e)
				synctest.Wait()
				g.mu.Lock()
				defer g.mu.Unlock()
				if len(g.members) > 0 {
					t.Errorf("%d members are left", len(g.members))
				}
			})
		})
	}
}

// A connection whose member has left just before it stands is not used.
func TestLeftWhileDialled(t *testing.T) {
	g := grouped(t, Config{Type: Push})
	e := g.member("PULL")
	if _, err := g.dialAndServe(soon(t), e, &member{}, 0); !errors.Is(err, errLeft) {
		t.Errorf("it was served: %v", err)
	}
}

// A member that is back is connected to once its earlier connection is gone, and is never reported as unreachable.
func TestBackWhileParting(t *testing.T) {
	inGroup(t, Config{Type: Dealer}, func(t *testing.T, g *group) {
		e := g.member("ROUTER")
		first := g.joined(e)
		for range 3 { // only the last one lasts
			g.leave(e)
			g.join(e)
		}
		g.refuses()
		first.ended()
		synctest.Wait()
		if len(g.conns) > 0 {
			t.Error("there are two connections")
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
	})
}

// A member that several names lead to leaves with the last of them.
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

// A socket that is closed or retired does not wait for members that leave, and ignores leaves after its end.
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
			t.Errorf("%s: unreachable after the end", typ)
		}
	}
}
