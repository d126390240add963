package main

import (
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

func TestCPUs(t *testing.T) {
	for _, test := range []struct {
		environment string
		socket      zmq.Type
		encrypted   bool
		available   int
		want        int
	}{
		{"", zmq.Dealer, false, 1, 1},
		{"", zmq.Dealer, false, 2, 1},
		{"", zmq.Push, false, 9, 4},
		{"", zmq.Dealer, true, 2, 2},
		{"", zmq.Pub, false, 2, 2},
		{"2", zmq.Dealer, false, 2, 2},
	} {
		t.Setenv("GOMAXPROCS", test.environment)
		o := &options{socketType: test.socket}
		if n := o.cpus(test.available, test.encrypted); n != test.want {
			t.Errorf("%+v: %d", test, n)
		}
	}
}
