package zmq

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// dialling is a PUB in fake time that connects to tcp://sub:1. Each attempt to dial takes a connection, or nil for a
// refusal.
type dialling struct {
	*Socket
	t       *testing.T
	dials   chan net.Conn
	settled int // how often OnSettled was called
}

func dial(t *testing.T, typ Type, test func(*dialling)) {
	synctest.Test(t, func(t *testing.T) {
		d := &dialling{t: t, dials: make(chan net.Conn)}
		cfg := Config{Type: typ, Reconnect: time.Millisecond, ReconnectMax: time.Millisecond, HandshakeTimeout: time.Hour,
			OnSettled: func() { d.settled++ }}
		cfg.dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
			select {
			case conn := <-d.dials:
				if conn != nil {
					return conn, nil
				}
			case <-ctx.Done():
			}
			return nil, errors.New("refused")
		}
		s, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		d.Socket = s
		if err := s.Connect("tcp://sub:1"); err != nil {
			t.Fatal(err)
		}
		test(d)
		over, cancel := context.WithCancel(context.Background())
		cancel()
		s.Close(over)
	})
}

// answer lets the socket reach its peer.
func (d *dialling) answer() *raw {
	near, far := net.Pipe()
	d.dials <- near
	r := &raw{Conn: far, t: d.t}
	r.hear(64)
	r.say(greeting(3, 1, "NULL"))
	r.frame()
	r.say(ready("SUB"))
	synctest.Wait()
	return r
}

// unsettled checks what is waited for now.
func (d *dialling) unsettled(want string) {
	d.t.Helper()
	synctest.Wait()
	if err := d.Settled(); err == nil || err.Error() != want || d.settled > 0 {
		d.t.Errorf("%v; OnSettled was called %d times; want %s", err, d.settled, want)
	}
}

// settlesAfter checks that nothing is waited for after exactly this time.
func (d *dialling) settlesAfter(wait time.Duration) {
	d.t.Helper()
	time.Sleep(wait - time.Nanosecond)
	synctest.Wait()
	if d.Settled() == nil {
		d.t.Errorf("settled before %v", wait)
	}
	time.Sleep(time.Nanosecond)
	synctest.Wait()
	if err := d.Settled(); err != nil || d.settled != 1 {
		d.t.Errorf("%v after %v; OnSettled was called %d times", err, wait, d.settled)
	}
	d.settled = 0
}

const (
	notReached = "tcp://sub:1 has not been reached yet"
	notAsked   = "tcp://sub:1 may not have subscribed to all that it wants yet"
)

// A publisher waits for the first subscriptions of the peer that it connects to, in each connection.
func TestSettles(t *testing.T) {
	dial(t, Pub, func(d *dialling) {
		d.unsettled(notReached)
		time.Sleep(DefaultReaching / 2)
		r := d.answer()
		d.unsettled(notAsked)
		time.Sleep(asking / 4)
		for range 3 {
			r.say(command("SUBSCRIBE", "a"), command("SUBSCRIBE", "b"))
			time.Sleep(further / 2)
			d.unsettled(notAsked)
		}
		d.settlesAfter(further / 2)
		time.Sleep(time.Hour)
		r.say(command("SUBSCRIBE", "late"))
		synctest.Wait()
		if err := d.Settled(); err != nil {
			t.Errorf("a later subscription: %v", err)
		}
		r.Close()
		d.dials <- nil
		synctest.Wait()
		if err := d.Settled(); err != nil {
			t.Errorf("while it is away: %v", err)
		}
		r = d.answer()
		d.unsettled(notAsked)
		r.say("\x00\x01\x01") // in version 3.0's form
		d.settlesAfter(further)
		r.Close()
	})
}

// The waits are bounded, whatever the peer does.
func TestSettlesInAnyCase(t *testing.T) {
	tests := map[string]struct {
		typ Type
		do  func(d *dialling)
	}{
		"it is away": {Pub, func(d *dialling) {
			began := time.Now()
			for range 100 {
				d.dials <- nil
			}
			d.unsettled(notReached)
			d.settlesAfter(DefaultReaching - time.Since(began))
		}},
		"it wants nothing": {XPub, func(d *dialling) {
			defer d.answer().Close()
			d.settlesAfter(asking)
		}},
		"it never stops to subscribe": {Pub, func(d *dialling) {
			r := d.answer()
			defer r.Close()
			began := time.Now()
			for ; time.Since(began) < asking; time.Sleep(further / 2) {
				d.unsettled(notAsked)
				r.say(command("SUBSCRIBE", time.Since(began).String()))
			}
			synctest.Wait()
			if err := d.Settled(); err != nil || d.settled != 1 {
				t.Errorf("%v; OnSettled was called %d times", err, d.settled)
			}
		}},
		"it leaves": {Pub, func(d *dialling) {
			r := d.answer()
			r.Close()
			synctest.Wait()
			if err := d.Settled(); err != nil || d.settled != 1 {
				t.Errorf("%v; OnSettled was called %d times", err, d.settled)
			}
		}},
		"the end comes first": {Pub, func(d *dialling) {
			d.Retire()
			time.Sleep(time.Hour)
			if err := d.Settled(); err != nil || d.settled > 0 {
				t.Errorf("%v; OnSettled was called %d times", err, d.settled)
			}
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { dial(t, test.typ, test.do) })
	}
}

// Nothing is waited for by a publisher that binds, and by other sockets.
func TestSettledAtOnce(t *testing.T) {
	inBubble(t, Config{Type: Pub}, "SUB", 1, func(t *testing.T, s *Socket, r *raw, _ chan error) {
		synctest.Wait()
		if err := s.Settled(); err != nil || s.Peers() != 1 {
			t.Errorf("%d peers; %v", s.Peers(), err)
		}
	})
	dial(t, Push, func(d *dialling) {
		if err := d.Settled(); err != nil {
			t.Error(err)
		}
	})
}

// Names lead to peers that nobody knows before. Once there is one, others may follow for a while.
func TestSettlesForNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n newcomers
		state := func(want string) {
			t.Helper()
			if got := errorText(n.missing); !strings.Contains(got, want) || (got == "") != (want == "") {
				t.Errorf("%q is waited for, not %q", got, want)
			}
		}
		n.expect("", time.Minute)
		n.expect("tcp://a:1", time.Minute)
		n.up(&Peer{dialled: "tcp://a:1"})
		time.Sleep(2 * asking)
		synctest.Wait()
		state("has led to nobody yet")
		p := &Peer{dialled: "tcp://10.0.0.1:1"}
		n.up(p)
		n.asked(p)
		time.Sleep(asking / 2)
		state("may lead to more peers")
		n.up(&Peer{dialled: "tcp://10.0.0.2:1"})
		time.Sleep(asking / 2)
		synctest.Wait()
		state("tcp://10.0.0.2:1 may not have")
		time.Sleep(asking / 2)
		synctest.Wait()
		state("")
	})
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
