package zmq

import (
	"sync/atomic"
	"testing"
)

// turnstile is a Config.Serves.
type turnstile struct {
	asked atomic.Int32
	opens atomic.Bool
}

func (s *turnstile) serves(identity []byte) bool {
	s.asked.Add(1)
	return s.opens.Load() || string(identity) != "sender"
}

// guarded are both ends of each way to be safe.
func guarded(t *testing.T) map[string][2]Security {
	b := newBoth(t)
	plain := Security{Plain: &Plain{User: "user", Password: func() (string, error) { return "password", nil }}}
	return map[string][2]Security{
		"NULL":  {},
		"PLAIN": {plain, plain},
		"CURVE": {b.asServer(Config{}).Security, b.asClient(Config{}).Security},
	}
}

// A sender that a receiver does not serve is told so before the connection is made: what it has goes elsewhere. It asks
// again each second, which is logged once, and is served when the receiver serves it.
func TestServes(t *testing.T) {
	t.Parallel()
	for name, security := range guarded(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var at turnstile
			var up, away atomic.Int32
			var theirs, ours logged
			onUp := func(*Peer) { up.Add(1) }
			router := open(t, Config{Type: Router, Security: security[0], Serves: at.serves, OnUp: onUp, Logger: theirs.logger()})
			bound, err := router.Bind("tcp://127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			dealer := connected(t, Config{Type: Dealer, Identity: []byte("sender"), Security: security[1], OnUp: onUp,
				Properties: []Property{{"X-Instance", "one"}}, Logger: ours.logger(),
				OnUnreachable: func(string) { away.Add(1) }}, bound)
			eventually(t, "three attempts", func() bool { return away.Load() == 3 })
			if at.asked.Load() < 3 || up.Load() > 0 {
				t.Errorf("asked %d times; %d connections", at.asked.Load(), up.Load())
			}
			if n := ours.count(errElsewhere.Error()); n != 1 || ours.count("level=WARN") > 0 {
				t.Errorf("logged %d times: %s", n, ours.text.String())
			}
			if n := theirs.count("refused"); n > 0 {
				t.Errorf("the receiver logs: %s", theirs.text.String())
			}
			at.opens.Store(true)
			if err := dealer.Send(soon(t), []byte("hello")); err != nil {
				t.Fatal(err)
			}
			if got := receiveOne(t, router); got != "hello" {
				t.Errorf("received %q", got)
			}
		})
	}
}

// A receiver may dial, too: a sender that binds and is not served there is asked again.
func TestServesWhereItDials(t *testing.T) {
	t.Parallel()
	for name, security := range guarded(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var at turnstile
			var up atomic.Int32
			var theirs, ours logged
			onUp := func(*Peer) { up.Add(1) }
			dealer := open(t, Config{Type: Dealer, Identity: []byte("sender"), Security: security[0], OnUp: onUp,
				Properties: []Property{{"X-Instance", "one"}}, Logger: ours.logger()})
			bound, err := dealer.Bind("tcp://127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			router := connected(t, Config{Type: Router, Security: security[1], Serves: at.serves, Logger: theirs.logger()}, bound)
			eventually(t, "three attempts", func() bool { return at.asked.Load() == 3 })
			if n := theirs.count(errElsewhere.Error()); n != 1 || theirs.count("level=WARN") > 0 {
				t.Errorf("logged %d times: %s", n, theirs.text.String())
			}
			at.opens.Store(true)
			if err := dealer.Send(soon(t), []byte("hello")); err != nil {
				t.Fatal(err)
			}
			if got := receiveOne(t, router); got != "hello" {
				t.Errorf("received %q", got)
			}
		})
	}
}
