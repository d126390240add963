package zmq

import (
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	limited "github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/log"
)

func TestHandshakeByteByByte(t *testing.T) {
	s, at := bound(t, Config{Type: Pull})
	r := dialRaw(t, at)
	for _, b := range []byte(greeting(3, 1, "NULL") + ready("PUSH") + "\x01\x01a\x00\x01b") {
		r.say(string([]byte{b}))
	}
	if got := receiveOne(t, s); got != "a|b" {
		t.Errorf("received %q", got)
	}
}

func TestHandshakeGluedToData(t *testing.T) {
	s, at := bound(t, Config{Type: Pull})
	r := dialRaw(t, at)
	r.say(greeting(3, 0, "NULL"), ready("PUSH"), "\x00\x05glued")
	if got := receiveOne(t, s); got != "glued" {
		t.Errorf("received %q", got)
	}
}

// We send version 3.1, the type, and an identity for those types that have one.
func TestHandshakeBytes(t *testing.T) {
	_, at := bound(t, Config{Type: Dealer, Identity: []byte("me")})
	r := dialRaw(t, at)
	r.say(greeting(3, 1, "NULL"), ready("ROUTER"))
	g, metadata := r.greeted()
	if g != greeting(3, 1, "NULL") {
		t.Errorf("greeting %q", g)
	}
	if want := "\x05READY" + property("Socket-Type", "DEALER") + property("Identity", "me"); metadata != want {
		t.Errorf("READY %q, want %q", metadata, want)
	}
	_, at = bound(t, Config{Type: Pull})
	r = dialRaw(t, at)
	r.say(greeting(3, 1, "NULL"), ready("PUSH"))
	if _, metadata := r.greeted(); metadata != "\x05READY"+property("Socket-Type", "PULL") {
		t.Errorf("READY %q", metadata)
	}
}

// Peers may differ from us in what they send.
func TestHandshakeAccepted(t *testing.T) {
	for _, hello := range hostile(t, "accepted") {
		t.Run(hello.Name, func(t *testing.T) {
			s, at := bound(t, Config{Type: Pull})
			dialRaw(t, at).say(string(hello.Bytes), "\x00\x02in")
			if got := receiveOne(t, s); got != "in" {
				t.Errorf("received %q", got)
			}
		})
	}
}

func TestHandshakeIdentity(t *testing.T) {
	up := make(chan *Peer, 1)
	_, at := bound(t, Config{Type: Router, OnUp: func(p *Peer) { up <- p }})
	r := dialRaw(t, at)
	r.say(greeting(3, 1, "NULL"), command("READY", property("Socket-Type", "DEALER")+property("Identity", "\x01who")))
	p := <-up
	if string(p.Identity()) != "\x01who" || p.Remote() != "tcp://"+r.LocalAddr().String() {
		t.Errorf("identity %q, remote %q", p.Identity(), p.Remote())
	}
}

// refusals returns first bytes of a peer that is refused, whatever follows.
func refusals(t testing.TB) map[string]string {
	tests := map[string]string{}
	for _, hello := range hostile(t, "refused") {
		tests[hello.Name] = string(hello.Bytes)
	}
	metadata := property("Socket-Type", "PUSH")
	for cut := 1; cut < len(metadata); cut++ {
		tests["metadata cut at "+metadata[:cut]] = greeting(3, 1, "NULL") + command("READY", metadata[:cut])
	}
	return tests
}

func TestHandshakeRefused(t *testing.T) {
	var log logged
	s, at := bound(t, Config{Type: Pull, HandshakeTimeout: time.Hour, Logger: log.logger()})
	began := time.Now()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	strangers := refusals(t)
	for name, hello := range strangers {
		t.Run(name, func(t *testing.T) {
			r := dialRaw(t, at)
			r.say(hello)
			r.ended()
			if s.Peers() != 0 {
				t.Error("it became a peer")
			}
		})
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 64<<20 {
		t.Errorf("the refusals have used %d bytes of memory", used)
	}
	if lines := log.count("\n"); lines == 0 || lines > limited.Burst+1+int(time.Since(began)/time.Second) {
		t.Errorf("%d lines of log for %d strangers", lines, len(strangers))
	}
	peerRaw(t, at, "PUSH", 1).say("\x00\x05still")
	if got := receiveOne(t, s); got != "still" {
		t.Errorf("received %q", got)
	}
}

// The reasons say what to do.
func TestHandshakeRefusalSaysWhy(t *testing.T) {
	tests := map[string]string{
		"version 1":      "is it a ZeroMQ socket? " + leastVersion,
		"version 2":      "speaks ZMTP 2.0; " + leastVersion,
		"HTTP":           "is it a ZeroMQ socket?",
		"PLAIN":          `mechanism is \"PLAIN\", this end's is \"NULL\"; give both ends the flags of the same mechanism (NULL is none: in clear)`,
		"other pattern":  `PULL socket cannot talk to the peer's \"PUB\"`,
		"no socket type": "does not say what its socket type is",
		"ERROR":          "refused the connection",
	}
	for name, want := range tests {
		t.Run(name, func(t *testing.T) {
			var log logged
			_, at := bound(t, Config{Type: Pull, HandshakeTimeout: time.Hour, Logger: log.logger()})
			r := dialRaw(t, at)
			r.say(refusals(t)[name])
			r.ended()
			eventually(t, want, func() bool { return log.count(want) == 1 })
		})
	}
}

// shake runs a handshake in fake time with a peer at the other end of a pipe, and checks that it ends at its
// deadline.
func shake(t *testing.T, peer func(far net.Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		var others sync.WaitGroup
		others.Go(func() { io.Copy(io.Discard, far) }) // the peer reads everything
		others.Go(func() { peer(far) })
		began := time.Now()
		_, err := handshake(near, null(Pull, nil), Pull, time.Minute)
		if took := time.Since(began); err == nil || !strings.Contains(err.Error(), "in time") || took != time.Minute {
			t.Errorf("it ended after %v: %v", took, err)
		}
		near.Close()
		far.Close()
		others.Wait()
	})
}

// Silence ends at the deadline, wherever it begins: a ZMTP 2 peer stops after ten bytes and waits.
func TestHandshakeThatStops(t *testing.T) {
	whole := greeting(3, 1, "NULL") + ready("PUSH")
	for cut := range whole {
		shake(t, func(far net.Conn) { io.WriteString(far, whole[:cut]) })
	}
}

// A trickle does not extend the deadline.
func TestHandshakeThatTrickles(t *testing.T) {
	shake(t, func(far net.Conn) {
		for _, b := range []byte(greeting(3, 1, "NULL")) {
			if _, err := far.Write([]byte{b}); err != nil {
				return
			}
			time.Sleep(2 * time.Second)
		}
	})
}

// A connection whose handshake does not end in time is closed.
func TestHandshakeHasADeadline(t *testing.T) {
	_, at := bound(t, Config{Type: Pull, HandshakeTimeout: time.Millisecond})
	dialRaw(t, at).ended()
}

func TestSilentHandshakesDelayNobody(t *testing.T) {
	s, at := bound(t, Config{Type: Pull, HandshakeTimeout: time.Hour})
	for range 50 {
		dialRaw(t, at).say(greeting(3, 1, "NULL")[:11])
	}
	peerRaw(t, at, "PUSH", 1).say("\x00\x05quick")
	if got := receiveOne(t, s); got != "quick" {
		t.Errorf("received %q", got)
	}
}

func null(typ Type, identity []byte) mechanism {
	return &nullMechanism{metadata: metadata{typ: typ, identity: identity}}
}
