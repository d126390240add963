package zmq

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/endpoint"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/curve"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmqtest"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmtp"
)

func probeAt(t *testing.T, cfg Config, at string) (Probed, error) {
	t.Helper()
	e, err := endpoint.Connect(at)
	if err != nil {
		t.Fatal(err)
	}
	return Probe(t.Context(), cfg, e)
}

// A PULL or ROUTER that probes gets no message: libzmq's PUSH keeps them all for the one that comes after it.
func TestProbeTakesNoMessage(t *testing.T) {
	b, peers := newBoth(t), zmqtest.Start(t)
	for name, test := range map[string]struct {
		server  zmqtest.Options
		probing Config
		their   zmqtest.Options
		found   Probed
	}{
		"NULL":  {nil, Config{Type: Pull}, nil, Probed{Type: Push}},
		"CURVE": {b.theirServer(), b.asClient(Config{Type: Pull}), b.theirClient(), Probed{Partly: true}},
	} {
		t.Run(name, func(t *testing.T) {
			push := peers.Bind("PUSH", zmqtest.Loopback, test.server)
			for range 3 {
				found, err := probeAt(t, test.probing, push.Endpoint)
				test.found.Remote = strings.TrimPrefix(push.Endpoint, "tcp://")
				if err != nil || found != test.found {
					t.Errorf("%+v, %v; want %+v", found, err, test.found)
				}
			}
			pull := peers.Connect("PULL", push.Endpoint, test.their)
			for i := range 10 {
				push.Send(fmt.Sprint(i))
			}
			for i, got := range pull.Recv(10) {
				if got != fmt.Sprint(i) {
					t.Fatalf("message %d is %q", i, got)
				}
			}
		})
	}
}

// The same under PLAIN, where our own PUSH is the server.
func TestProbeTakesNoMessageUnderPlain(t *testing.T) {
	secure := Security{Plain: &Plain{User: "u", Password: func() (string, error) { return "p", nil }}}
	ups := make(chan struct{}, 1)
	push, err := New(Config{Type: Push, Security: secure, OnUp: func(*Peer) { ups <- struct{}{} }})
	if err != nil {
		t.Fatal(err)
	}
	defer closeNow(push)
	at, err := push.Bind("tcp://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if found, err := probeAt(t, Config{Type: Pull, Security: secure}, at); err != nil || !found.Partly {
		t.Errorf("%+v, %v", found, err)
	}
	if found, err := probeAt(t, Config{Type: Pull, Security: secure}, at); err != nil || !found.Partly || len(ups) > 0 {
		t.Errorf("%+v, %v, %d peers", found, err, len(ups))
	}
}

// What a peer is, where it may be told.
func TestProbe(t *testing.T) {
	b, peers := newBoth(t), zmqtest.Start(t)
	for name, test := range map[string]struct {
		typ     string
		server  zmqtest.Options
		probing Config
		found   Type
	}{
		"PUSH to PULL":                  {"PULL", nil, Config{Type: Push}, Pull},
		"DEALER to ROUTER":              {"ROUTER", nil, Config{Type: Dealer, Identity: []byte("x")}, Router},
		"SUB to XPUB":                   {"XPUB", nil, Config{Type: Sub}, XPub},
		"PUSH to PULL under CURVE":      {"PULL", b.theirServer(), b.asClient(Config{Type: Push}), Pull},
		"ROUTER that serves, to DEALER": {"DEALER", nil, Config{Type: Router}, Dealer},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := probeAt(t, test.probing, peers.Bind(test.typ, zmqtest.Loopback, test.server).Endpoint)
			if err != nil || found.Type != test.found || found.Partly {
				t.Errorf("%+v, %v", found, err)
			}
		})
	}
}

// A socket of ours: the right one of several server keys is found, and one that stands by is no fault.
func TestProbeOurs(t *testing.T) {
	b := newBoth(t)
	server, err := New(b.asServer(Config{Type: Router}))
	if err != nil {
		t.Fatal(err)
	}
	defer closeNow(server)
	at, err := server.Bind("tcp://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg := b.asClient(Config{Type: Dealer})
	cfg.Security.Curve.Servers = append([]curve.Named{{Key: newKeys(t).Public}}, cfg.Security.Curve.Servers...)
	if found, err := probeAt(t, cfg, at); err != nil || found.Type != Router || found.User != b.server.Public.String() {
		t.Errorf("%+v, %v", found, err)
	}
	standby, err := New(Config{Type: Router, Serves: func([]byte) bool { return false }})
	if err != nil {
		t.Fatal(err)
	}
	defer closeNow(standby)
	if at, err = standby.Bind("tcp://127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	property := []Property{{"X-Instance", "x"}}
	if found, err := probeAt(t, Config{Type: Dealer, Properties: property}, at); err != nil || !found.Elsewhere {
		t.Errorf("%+v, %v", found, err)
	}
}

// libzmq hangs up on another mechanism before it has told its own, unless it is given the time.
func TestProbeMechanism(t *testing.T) {
	b, peers := newBoth(t), zmqtest.Start(t)
	_, err := probeAt(t, Config{Type: Push}, peers.Bind("PULL", zmqtest.Loopback, b.theirServer()).Endpoint)
	if err == nil || !strings.Contains(err.Error(), `the peer's mechanism is "CURVE"`) {
		t.Error(err)
	}
	_, err = probeAt(t, b.asClient(Config{Type: Push}), peers.Bind("PULL", zmqtest.Loopback, nil).Endpoint)
	if err == nil || !strings.Contains(err.Error(), `the peer's mechanism is "NULL"`) {
		t.Error(err)
	}
}

// libzmq hangs up on a type that does not fit, at once.
func TestProbeOfAnotherType(t *testing.T) {
	pull := zmqtest.Start(t).Bind("PULL", zmqtest.Loopback, nil)
	for range 50 {
		if _, err := probeAt(t, Config{Type: Dealer}, pull.Endpoint); err == nil || !strings.Contains(err.Error(), `cannot talk to the peer's "PULL"`) {
			t.Fatal(err)
		}
	}
}

// A peer that waits for a whole greeting before it sends its own is probed, too.
func TestProbeOfThePolite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		go func() {
			defer far.Close()
			if _, err := io.ReadFull(far, make([]byte, greetingSize)); err != nil {
				t.Error(err)
			}
			if _, err := io.WriteString(far, greeting(3, 0, "NULL")); err != nil {
				t.Error(err)
			}
			ready := zmtp.AppendCommand(nil, zmtp.Ready, zmtp.AppendProperty(nil, zmtp.SocketType, []byte(Push)))
			if _, err := far.Write(ready); err != nil {
				t.Error(err)
			}
		}()
		cfg := Config{Type: Pull, dial: func(context.Context, string, string) (net.Conn, error) { return near, nil }}
		if found, err := probeAt(t, cfg, "tcp://127.0.0.1:1"); err != nil || found.Type != Push {
			t.Errorf("%+v, %v", found, err)
		}
	})
}

// A peer that is silent is given up; a check that ends gives up at once.
func TestProbeOfTheSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		go io.Copy(io.Discard, far) //nolint:errcheck // it ends with the connection
		cfg := Config{Type: Push, dial: func(context.Context, string, string) (net.Conn, error) { return near, nil }}
		if _, err := probeAt(t, cfg, "tcp://127.0.0.1:1"); err == nil || !strings.Contains(err.Error(), "is it a ZeroMQ socket?") {
			t.Error(err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		go io.Copy(io.Discard, far) //nolint:errcheck // it ends with the connection
		ctx, cancel := context.WithCancel(t.Context())
		cfg := Config{Type: Push, dial: func(context.Context, string, string) (net.Conn, error) {
			cancel()
			return near, nil
		}}
		e, err := endpoint.Connect("tcp://127.0.0.1:1")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Probe(ctx, cfg, e); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}
