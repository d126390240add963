package zmq

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	limited "github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/log"
)

func TestLostPeerIsDialledAgain(t *testing.T) {
	at := listenRaw(t, func(r *raw) { // each connection takes one message
		r.say(greeting(3, 1, "NULL"), ready("PULL"))
		r.greeted()
		if _, body := r.frame(); body != "one" {
			t.Errorf("heard %q", body)
		}
		r.Close()
	})
	downs := make(chan error, 1)
	onDown := func(_ *Peer, err error) { downs <- err }
	s := connected(t, Config{Type: Push, Reconnect: time.Millisecond, OnDown: onDown}, at)
	for range 10 {
		if err := s.Send(soon(t), []byte("one")); err != nil {
			t.Fatal(err)
		}
		if err := <-downs; err == nil {
			t.Error("no reason is given")
		}
	}
}

func TestPeerThatComesLater(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := "tcp://" + l.Addr().String()
	l.Close()
	var log logged
	s := connected(t, Config{Type: Push, Logger: log.logger(),
		Reconnect: time.Millisecond, ReconnectMax: 5 * time.Millisecond}, at)
	eventually(t, "the first failure", func() bool { return log.count("no connection; will go on trying") == 1 })
	<-time.After(50 * time.Millisecond) // ten attempts or more
	pull := open(t, Config{Type: Pull})
	if _, err := pull.Bind(at); err != nil {
		t.Fatal(err)
	}
	if err := s.Send(soon(t), []byte("late")); err != nil {
		t.Fatal(err)
	}
	if got := receiveOne(t, pull); got != "late" {
		t.Errorf("received %q", got)
	}
	if n := log.count("no connection"); n != 1 {
		t.Errorf("the failure is logged %d times", n)
	}
}

// A peer whose connections all end at once, whatever the way, does not fill the log.
func TestFlappingPeer(t *testing.T) {
	ways := map[string]func(r *raw){
		"closed at once": func(r *raw) { r.Close() },
		"reset": func(r *raw) {
			r.Conn.(*net.TCPConn).SetLinger(0)
			r.Close()
		},
		"closed after the handshake": func(r *raw) {
			r.say(greeting(3, 1, "NULL"), ready("PULL"))
			r.greeted()
			r.Close()
		},
		"reset after the handshake": func(r *raw) {
			r.say(greeting(3, 1, "NULL"), ready("PULL"))
			r.greeted()
			r.Conn.(*net.TCPConn).SetLinger(0)
			r.Close()
		},
	}
	for name, end := range ways {
		t.Run(name, func(t *testing.T) {
			var log logged
			var attempts atomic.Int64
			at := listenRaw(t, func(r *raw) { attempts.Add(1); end(r) })
			connected(t, Config{Type: Push, Reconnect: time.Millisecond, Logger: log.logger()}, at)
			eventually(t, "five attempts", func() bool { return attempts.Load() >= 5 })
			if n := log.count("level=WARN"); n > 3 { // an end is reported differently depending on what we were doing
				t.Errorf("%d warnings", n)
			}
		})
	}
}

// The waits between dials double when each attempt fails, or gets only as far as a connection or a handshake. A
// connection that has stood ends the outage: the waits start again.
func TestWaitsBetweenDials(t *testing.T) {
	const first = time.Second
	for name, flap := range map[string]func(r *raw){
		"refused":                    nil,
		"closed at once":             func(r *raw) { r.Close() },
		"closed after the handshake": func(r *raw) { r.shake("PULL"); r.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dials := make(chan time.Time)
				attempt := 0
				dial := func(context.Context, string, string) (net.Conn, error) {
					attempt++
					dials <- time.Now()
					if flap == nil && attempt != 6 {
						return nil, syscall.ECONNREFUSED
					}
					near, far := pipes()
					r := &raw{Conn: far, t: t, mayEnd: true}
					if attempt != 6 {
						go flap(r)
						return near, nil
					}
					go func() {
						r.shake("PULL")
						time.Sleep(first + 1) // longer than Reconnect
						r.Close()
					}()
					return near, nil
				}
				cfg := Config{Type: Push, Reconnect: first, ReconnectMax: time.Hour, dial: dial}
				connected(t, cfg, "tcp://192.0.2.1:1")
				last := <-dials
				for step := first; step < 32*first; step *= 2 { // attempts 2 to 6
					next := <-dials
					if wait := next.Sub(last); wait < step/2 || wait > step {
						t.Errorf("dialled again after %v, want %v to %v", wait, step/2, step)
					}
					last = next
				}
				if wait := (<-dials).Sub(last); wait < first+first/2 || wait > 2*first+1 {
					t.Errorf("dialled again %v after the beginning of a connection that has stood", wait)
				}
			})
		})
	}
}

// Each outage is logged.
func TestEachOutageIsSaid(t *testing.T) {
	var log logged
	conns := make(chan *raw, 1)
	at := listenRaw(t, func(r *raw) {
		r.say(greeting(3, 1, "NULL"), ready("PULL"))
		r.greeted()
		conns <- r
	})
	s := connected(t, Config{Type: Push, Logger: log.logger(),
		Reconnect: time.Millisecond, ReconnectMax: 2 * time.Millisecond}, at)
	for outage := range 3 {
		r := <-conns
		peers(t, s, 1)
		<-time.After(10 * time.Millisecond) // the connection has stood for longer than ReconnectMax
		r.Close()
		eventually(t, "the warning", func() bool { return log.count("connection lost") == outage+1 })
	}
}

func TestDroppedPeerIsDialledAgain(t *testing.T) {
	reasons := make(chan error, 10)
	ups := make(chan *Peer, 10)
	var log logged
	s, at := bound(t, Config{Type: Router, Logger: log.logger()})
	connected(t, Config{Type: Dealer, Reconnect: time.Millisecond,
		OnUp:   func(p *Peer) { ups <- p },
		OnDown: func(_ *Peer, err error) { reasons <- err }}, at)
	for range 3 {
		why := errors.New("for a reason")
		(<-ups).Drop(why)
		if err := <-reasons; !errors.Is(err, why) {
			t.Errorf("dropped: %v", err)
		}
	}
	<-ups
	peers(t, s, 1)
	peer(s, 0).Drop(errors.New("no friend"))
	eventually(t, "the warning", func() bool { return log.count("peer dropped") == 1 && log.count("no friend") == 1 })
}

// The first reason for dropping a peer is the one that is reported.
func TestFirstReasonIsReported(t *testing.T) {
	near, _ := pipes()
	p := &Peer{conn: near, quit: make(chan struct{})}
	first := errors.New("the first")
	p.Drop(nil)
	p.Drop(first)
	p.Drop(errors.New("the second"))
	p.Drop(nil)
	if reason := p.reason.Load(); reason == nil || !errors.Is(reason, first) {
		t.Errorf("dropped: %v", reason)
	}
}

// Strangers cannot fill the log.
func TestStrangersDoNotFillTheLog(t *testing.T) {
	var log logged
	_, at := bound(t, Config{Type: Pull, Logger: log.logger()})
	began := time.Now()
	for i := range 300 {
		r := dialRaw(t, at)
		if i%3 == 0 {
			r.say(greeting(3, 1, "NULL"), ready("PUSH"))
			r.greeted()
		} else if i%3 == 1 {
			r.say("GET / HTTP/1.0\r\n\r\n")
			r.ended()
		}
		r.Close()
	}
	if n := log.count("\n"); n == 0 || n > limited.Burst+1+int(time.Since(began)/time.Second) {
		t.Errorf("%d lines for 300 connections", n)
	}
}

// For each peer the order is OnUp, then OnReceive and OnWritten, then OnDown and nothing more, however it ends.
func TestEventsAreInOrder(t *testing.T) {
	var mu sync.Mutex
	state := make(map[*Peer]string)
	see := func(p *Peer, event string, allowed ...string) {
		mu.Lock()
		defer mu.Unlock()
		for _, a := range allowed {
			if state[p] == a {
				state[p] = event
				return
			}
		}
		t.Errorf("%s after %q", event, state[p])
	}
	s, at := bound(t, Config{Type: Dealer,
		OnUp:      func(p *Peer) { see(p, "up", "") },
		OnReceive: func(b *Batch) { see(b.Peer(), "used", "up", "used"); b.Release() },
		OnWritten: func(p *Peer) { see(p, "used", "up", "used") },
		OnDown:    func(p *Peer, err error) { see(p, "down", "up", "used") },
	})
	stop := make(chan struct{})
	var load sync.WaitGroup
	load.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(10 * time.Microsecond):
				s.Queue([]byte("m"))
				s.Flush()
			}
		}
	})
	var clients sync.WaitGroup
	for c := range 4 {
		clients.Go(func() {
			for i := range 60 {
				r := peerRaw(t, at, "ROUTER", 1)
				r.say("\x00\x01a\x00\x01b")
				switch (i + c) % 4 {
				case 0:
					io.ReadFull(r, make([]byte, 3))
				case 1:
					r.say(longFrame(0, 1<<62))
				case 2:
					r.Conn.(*net.TCPConn).SetLinger(0)
				}
				r.Close()
			}
		})
	}
	clients.Wait()
	close(stop)
	load.Wait()
	peers(t, s, 0)
	s.Close(soon(t))
	ends := make(map[string]int)
	for _, last := range state {
		ends[last]++
	}
	if ends["down"] < 100 || len(ends) != 1 { // a reset can come before the end of the handshake
		t.Errorf("the last events of 240 peers: %s", fmt.Sprint(ends))
	}
}
