package web_test

import (
	"context"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap/taptest"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/web"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// publishers reads the next event, which must be a status with this beginning, without an id.
func (a *answer) publishers(beginning string) event {
	a.t.Helper()
	e := a.event()
	if e.name != "status" || e.id != "" || !strings.HasPrefix(e.data, beginning) {
		a.t.Fatalf("got %+v, want a status %s", e, beginning)
	}
	return e
}

// joins connects a publisher, and returns what ends it.
func joins(t *testing.T, to string) (end func()) {
	t.Helper()
	pub := taptest.Open(t, zmq.Config{Type: zmq.Pub})
	if err := pub.Connect(to); err != nil {
		t.Fatal(err)
	}
	return func() {
		over, cancel := context.WithCancel(context.Background())
		cancel()
		pub.Close(over)
	}
}

// Everybody learns at the beginning, and later, whether there is a publisher. Only whoever may read everything learns
// how many, and which.
func TestReadersLearnOfPublishers(t *testing.T) {
	t.Parallel()
	in := taptest.Open(t, zmq.Config{Type: zmq.XSub, OnReceive: (*zmq.Batch).Release})
	at, err := in.Bind("tcp://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := serveTenants(t, web.Config{Upstream: tap.NewUpstream(in)})
	acme, ops := s.events("", asAcme), s.events("", asOps)
	for _, a := range []*answer{acme, ops} {
		if e := a.event(); e.name != "access" {
			t.Errorf("got %+v", e)
		}
	}
	listens := `,"endpoints":[{"endpoint":"` + at + `","bound":true,"up":true,"since":"`
	down := acme.publishers(`{"up":false,"since":"`)
	if e := ops.publishers(`{"up":false,"since":"`); !strings.Contains(e.data, `"publishers":0`+listens) {
		t.Errorf("got %+v", e)
	}

	end := joins(t, at)
	up := acme.publishers(`{"up":true,"since":"`)
	if e := ops.publishers(`{"up":true,"since":"`); !strings.Contains(e.data, `"publishers":1`+listens) || !strings.Contains(e.data, `"peers":[{"peer":"tcp://127.0.0.1:`) {
		t.Errorf("got %+v", e)
	}
	other := joins(t, at)
	if e := ops.publishers(`{"up":true,"since":"`); !strings.Contains(e.data, `"publishers":2`) {
		t.Errorf("got %+v", e)
	}
	end()
	if e := ops.publishers(`{"up":true,"since":"`); !strings.Contains(e.data, `"publishers":1`) {
		t.Errorf("got %+v", e)
	}
	late := s.events("", asBeta)
	late.event()
	if e := late.publishers(`{"up":true,"since":"`); e != up {
		t.Errorf("one tenant gets %+v, the other one %+v", e, up)
	}
	other()
	last := acme.publishers(`{"up":false,"since":"`) // nothing of the second publisher came between
	for _, e := range []event{down, up, last} {
		if len(e.data) > len(`{"up":false,"since":"2026-11-25T11:00:00.123456Z"}`) {
			t.Errorf("a tenant learns %s", e.data)
		}
	}
}

// In plain text there is a line when a publisher has been away for a while, for tenants without its name, and when it
// is back; a stream whose publishers are there has none.
func TestPlainTextOfPublishers(t *testing.T) {
	t.Parallel()
	in := taptest.Open(t, zmq.Config{Type: zmq.XSub, OnReceive: (*zmq.Batch).Release})
	at, err := in.Bind("tcp://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := serveTenants(t, web.Config{Upstream: tap.NewUpstream(in)})
	acme, ops := s.plain("", asAcme), s.plain("", asOps)
	if line := ops.line(); !strings.HasPrefix(line, "zmqtap: nobody has connected to "+at+" since 20") {
		t.Errorf("got %q", line)
	}
	acme.expect("zmqtap: no publisher is connected\n")
	s.plain("", asAcme).expect("zmqtap: no publisher is connected\n")
	end := joins(t, at)
	ops.expect("zmqtap: all publishers are connected\n")
	acme.expect("zmqtap: a publisher is connected\n")
	quiet := s.plain("", asAcme)
	end()
	taptest.Eventually(t, "the publisher's end", func() bool { return in.Peers() == 0 })
	s.publish("acme/|hello")
	for _, a := range []*answer{acme, ops, quiet} {
		a.expect("hello\n") // a publisher that has connected to us may leave
	}
}
