package zmq

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/listen"
)

// A connection that has reached itself, because the kernel has picked the port that was dialled for our end, is no
// peer. The receiver can bind its port at once.
func TestConnectionToItself(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.83:0") // an address of its own: nobody else takes the port
	if err != nil {
		t.Fatal(err)
	}
	at := l.Addr().(*net.TCPAddr)
	l.Close()
	var dials atomic.Int32
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		d := net.Dialer{Control: listen.Yield}
		if dials.Add(1) == 1 {
			d.LocalAddr = at
		}
		return d.DialContext(ctx, network, address)
	}
	var log logged
	sender := connected(t, Config{Type: Dealer, Logger: log.logger(), Reconnect: time.Millisecond, ReconnectMax: time.Millisecond, dial: dial},
		"tcp://"+at.String())
	eventually(t, "the sender reaches itself", func() bool { return log.count("reached itself") == 1 })
	receiver := open(t, Config{Type: Router})
	if _, err := receiver.Bind("tcp://" + at.String()); err != nil {
		t.Fatal(err)
	}
	sender.Send(soon(t), []byte("hello"))
	if got := receiveOne(t, receiver); got != "hello" {
		t.Errorf("received %q", got)
	}
	if n := log.count("peer connected"); n != 1 {
		t.Errorf("%d peers were connected", n)
	}
}

// What this package dials with yields its port.
func TestDialledPortsAreYielded(t *testing.T) {
	_, at := bound(t, Config{Type: Pull})
	var cfg Config
	cfg.Type = Push
	if err := cfg.setDefaults(); err != nil {
		t.Fatal(err)
	}
	for range 20 { // another process may have a connection from the same port
		conn, err := cfg.dial(t.Context(), "tcp", at[len("tcp://"):])
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if l, err := net.Listen("tcp", conn.LocalAddr().String()); err == nil {
			l.Close()
			return
		}
	}
	t.Error("no port of 20 connections can be listened at")
}
