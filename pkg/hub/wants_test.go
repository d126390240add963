package hub_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/hub"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap/taptest"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmqtest"
)

// Publishers are asked for what some subscriber wants, and the request is withdrawn when none wants it any more.
func TestHubAsksForWhatIsWanted(t *testing.T) {
	t.Parallel()
	p := zmqtest.Start(t)
	h := start(t, hub.Config{})
	xpub := p.Bind("XPUB", zmqtest.Loopback, nil)
	h.dial(xpub.Endpoint)
	first := p.Connect("SUB", h.out, nil).Subscribe("a")
	xpub.Expect("\x01a")
	second := p.Connect("SUB", h.out, nil).Subscribe("a", "b")
	xpub.Expect("\x01b")
	first.Unsubscribe("a")
	second.Unsubscribe("b")
	xpub.Expect("\x00b")
	xpub.Send("b|nobody", "a|somebody")
	second.Expect("a|somebody")
	if !first.Idle(20) || !xpub.Idle(0) {
		t.Error("there are more messages than that")
	}
	late := p.Bind("XPUB", zmqtest.Loopback, nil)
	h.dial(late.Endpoint)
	late.Expect("\x01a")
	second.Close()
	xpub.Expect("\x00a")
	late.Expect("\x00a")
	before := h.Counters().Received
	xpub.Send("a|nobody")
	first.Subscribe("c")
	xpub.Expect("\x01c")
	if after := h.Counters().Received; after != before {
		t.Errorf("%d messages arrived that no subscriber wants", after-before)
	}
}

// With a memory or readers over HTTP, publishers are asked for everything, once and for good.
func TestHubAsksForEverything(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]hub.Config{"replay": {Replay: 1, ReplayBytes: 1000}, "stream": {Stream: tap.New(0)}} {
		p := zmqtest.Start(t)
		h := start(t, cfg)
		xpub := p.Bind("XPUB", zmqtest.Loopback, nil)
		h.dial(xpub.Endpoint)
		xpub.Expect("\x01")
		sub := p.Connect("SUB", h.out, nil).Subscribe("a")
		warm(xpub, sub, "a")
		sub.Unsubscribe("a")
		xpub.Send("b|x")
		taptest.Eventually(t, "an unwanted message", func() bool { return h.Counters().Received >= 3 })
		if !xpub.Idle(20) {
			t.Errorf("%s: the publisher was asked for %q", name, xpub.Recv(1))
		}
	}
}

// While subscribers want more prefixes than publishers can be asked for, publishers are asked for everything.
func TestHubAsksForEverythingWhenItIsTooMuch(t *testing.T) {
	h := start(t, hub.Config{})
	open := func(prefix string) *zmq.Socket {
		var topics []string
		for i := range 5000 {
			topics = append(topics, fmt.Sprint(prefix, i))
		}
		s := taptest.Open(t, zmq.Config{Type: zmq.Sub, Subscribe: topics})
		if err := s.Connect(h.out); err != nil {
			t.Fatal(err)
		}
		return s
	}
	p := zmqtest.Start(t)
	xpub := p.Bind("XPUB", zmqtest.Loopback, nil)
	h.dial(xpub.Endpoint)
	open("a")
	xpub.Recv(5000)
	second := open("b")
	asked := make(map[string]int)
	hear := func() string {
		m := xpub.Recv(1)[0]
		asked[m[1:]] += int(m[0])*2 - 1
		return m
	}
	for hear() != "\x01" {
	}
	if len(asked) < 1000 || len(asked) > 4000 {
		t.Errorf("asked for %d prefixes before everything", len(asked))
	}
	taptest.Eventually(t, "the last subscription", func() bool {
		xpub.Send("c|unwanted")
		xpub.Send("b4999|wanted")
		b := second.TryRecv()
		if b == nil {
			return false
		}
		defer b.Release()
		if got := string(b.Frames(0)[1]); got != "wanted" {
			t.Errorf("received %q", got)
		}
		return true
	})
	over, cancel := context.WithCancel(context.Background())
	cancel()
	second.Close(over)
	for len(asked) > 0 { // exactly what was asked for is cancelled
		m := hear()
		if n := asked[m[1:]]; n != 0 || m[0] != 0 || (len(m) > 1 && m[1] != 'b') {
			t.Fatalf("%q: it is then asked for %d times", m, n)
		}
		delete(asked, m[1:])
	}
	good := p.Connect("SUB", h.out, nil).Subscribe("a1")
	warm(xpub, good, "a1")
}
