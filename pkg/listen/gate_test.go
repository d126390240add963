package listen

import (
	"bytes"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// fake is a connection from an address.
type fake struct {
	net.Conn
	from   string
	closed bool
}

func (c *fake) Close() error { c.closed = true; return nil }

func (c *fake) RemoteAddr() net.Addr {
	if c.from == "unix" {
		return &net.UnixAddr{Net: "unix"}
	}
	return &net.TCPAddr{IP: net.ParseIP(c.from), Port: 1}
}

// gateTest is a gate and who has come to it.
type gateTest struct {
	t *testing.T
	*Gate
	log bytes.Buffer
}

func newGate(t *testing.T, limit int) *gateTest {
	g := &gateTest{t: t}
	g.Gate = NewGate(limit, "raise the roof", slog.New(slog.NewTextHandler(&g.log, nil)))
	return g
}

// come admits a connection, or returns nil. Time goes on.
func (g *gateTest) come(from string) *Guest {
	guest, err := g.Admit(&fake{from: from})
	if (err == nil) != (guest != nil) || (err != nil && !strings.Contains(err.Error(), "raise the roof")) {
		g.t.Errorf("%v, %v", guest, err)
	}
	time.Sleep(time.Millisecond)
	return guest
}

// gone reports whether the gate has ended a connection.
func gone(guest *Guest) bool {
	return guest.conn.(*fake).closed && guest.Ended() != nil
}

// A newcomer takes the place of the stranger that has been idle for longest, of the host with the most connections.
func TestIdleStrangersGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, 5)
		few := g.come("192.0.2.1")
		first, second, third := g.come("192.0.2.2"), g.come("192.0.2.2"), g.come("192.0.2.2")
		fourth := g.come("192.0.2.2")
		first.Touch()
		third.Know()
		time.Sleep(time.Millisecond)
		for i, want := range []*Guest{second, fourth, first} {
			if g.come("192.0.2.3") == nil || !gone(want) {
				t.Errorf("newcomer %d has not taken the right place", i)
			}
		}
		if gone(few) || gone(third) {
			t.Error("the wrong ones are ended")
		}
		if line := g.log.String(); strings.Count(line, "\n") != 1 || !strings.Contains(line, "connections=5") {
			t.Errorf("log: %s", line)
		}
	})
}

// One that has sent something goes only for a newcomer of a host with fewer connections, after a minute; one that is
// held never goes.
func TestEstablishedConnectionsStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, 4)
		var guests []*Guest
		for i := range 4 {
			guest := g.come("192.0.2.1")
			guests = append(guests, guest)
			if guest.Know(); i == 0 {
				guest.Hold()
			}
		}
		if g.come("192.0.2.2") != nil {
			t.Error("one is ended that has just sent something")
		}
		time.Sleep(idle)
		if g.come("192.0.2.1") != nil {
			t.Error("one is ended for another of the same host")
		}
		guests[1].Touch()
		for i := range 3 {
			if got := g.come("192.0.2.2"); (got == nil) != (i == 2) {
				t.Fatalf("newcomer %d: %v", i, got)
			} else if got != nil {
				got.Know()
			}
		}
		if gone(guests[0]) || gone(guests[1]) || !gone(guests[2]) || !gone(guests[3]) {
			t.Error("the wrong ones are ended")
		}
	})
}

// Connections that the program has dialled take up room; those that have left do not.
func TestRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, 2)
		g.Own(1)
		first := g.come("192.0.2.1")
		first.Hold()
		if g.come("192.0.2.1") != nil {
			t.Error("there is room for more than two")
		}
		first.Leave()
		first.Leave()
		second := g.come("192.0.2.1")
		g.Own(-1)
		if third := g.come("192.0.2.1"); third == nil || gone(second) {
			t.Error("there is no room for two")
		}
	})
}

// A host is an address, a network of IPv6, or all Unix sockets.
func TestHosts(t *testing.T) {
	for pair, same := range map[[2]string]bool{
		{"192.0.2.1", "192.0.2.2"}:              false,
		{"192.0.2.1", "::ffff:192.0.2.1"}:       true,
		{"2001:db8::1", "2001:db8::ffff:0:0:1"}: true,
		{"2001:db8::1", "2001:db8:0:1::1"}:      false,
		{"unix", "unix"}:                        true,
	} {
		a, b := host((&fake{from: pair[0]}).RemoteAddr()), host((&fake{from: pair[1]}).RemoteAddr())
		if (a == b) != same {
			t.Errorf("%q: %s, %q: %s", pair[0], a, pair[1], b)
		}
	}
}

// Without a gate everyone is admitted.
func TestNoGate(t *testing.T) {
	var g *Gate
	g.Own(1)
	guest, err := g.Admit(&fake{from: "192.0.2.1"})
	guest.Know()
	guest.Hold()
	guest.Touch()
	guest.Leave()
	if guest != nil || err != nil || guest.Ended() != nil {
		t.Error(guest, err)
	}
}

// A gate's listener admits, and refuses what does not fit.
func TestGatedListener(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gated := newGate(t, 1).Listener(l)
	defer gated.Close()
	accepted := make(chan net.Conn, 3)
	go func() {
		for {
			conn, err := gated.Accept()
			if err != nil {
				return
			}
			GuestOf(wrapped{conn}).Hold()
			accepted <- conn
		}
	}()
	dial := func() net.Conn {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	dial()
	first := <-accepted
	if n, err := dial().Read(make([]byte, 1)); n != 0 || err == nil {
		t.Error("a second connection was admitted")
	}
	first.Close()
	dial()
	if second := <-accepted; GuestOf(second) == nil || GuestOf(&fake{}) != nil {
		t.Error("guests are not found")
	}
}

// At most every few seconds one line tells how many had to go, and how many were refused.
func TestGateLogsNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, 1)
		for range 100 {
			g.come("192.0.2.1")
		}
		time.Sleep(logInterval)
		g.come("192.0.2.1").Hold()
		time.Sleep(logInterval)
		g.come("192.0.2.1")
		for i, want := range []string{"ended=1 refused=0", "ended=99 refused=0", "ended=0 refused=1"} {
			if line := strings.Split(g.log.String(), "\n")[i]; !strings.Contains(line, want) {
				t.Errorf("line %d: %s, want %s", i, line, want)
			}
		}
	})
}

func TestDescriptors(t *testing.T) {
	room, limit := Descriptors()
	if room < limit/2 || room >= limit {
		t.Errorf("room for %d of %d", room, limit)
	}
}
