package main

import (
	"os"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// Whoever sees nothing for some seconds is told why.
func TestSilence(t *testing.T) {
	t.Run("not connected", func(t *testing.T) {
		t.Parallel()
		p := launch(t, "--topic", "sshd/*", "tcp://127.0.0.1:1")
		p.logged(`level=WARN msg="--topic \\"sshd/\*\\" is a prefix and not a pattern: .*Write --topic \\"sshd/\\""`)
		p.logged(`level=WARN msg="nothing has arrived for 5s: no connection to tcp://127.0.0.1:1: connection refused"`)
		p.logged(`msg="only topics that begin with \\"sshd/\*\\" are asked for; without --topic, all are shown"`)
	})
	t.Run("connected", func(t *testing.T) {
		t.Parallel()
		p, _, _ := printing(t, 0, nil, nil)
		p.logged(`msg="nothing has arrived for 5s: connected to tcp://127.0.0.1:\d+ since \d\d:\d\d:\d\d, and nothing has come"`)
	})
	t.Run("other topics", func(t *testing.T) {
		t.Parallel()
		p, pub, _ := printing(t, 0, nil, nil, "--topic", "nope")
		pub.Publish([]byte("t"), []byte("x"))
		pub.Flush()
		p.logged(`msg="nothing has arrived for 5s: connected to \S+ since \S+, and nothing that begins with \\"nope\\" has come"`)
	})
	t.Run("filtered", func(t *testing.T) {
		t.Parallel()
		p, pub, _ := printing(t, 0, nil, nil, "--grep", "x", "--severity", "error")
		for _, topic := range []string{"b", "a", "b"} {
			pub.Publish([]byte(topic), []byte("y"))
		}
		pub.Flush()
		p.logged(`msg="3 messages have arrived, and none of them passes --grep, --severity; their topics: \\"b\\", \\"a\\""`)
	})
	t.Run("serve", func(t *testing.T) {
		t.Parallel()
		p := launch(t, "serve", "--http", "127.0.0.1:0", "--topic", "a?", "tcp://127.0.0.1:1")
		p.logged(`level=WARN msg="--topic \\"a\?\\" is a prefix and not a pattern`)
		p.signal(os.Interrupt)
		p.exits(0)
	})
}

func TestPublishers(t *testing.T) {
	since := time.Date(2026, 11, 30, 17, 3, 18, 0, time.UTC)
	for _, c := range []struct {
		endpoints []zmq.EndpointState
		peers     int
		topics    []string
		want      string
	}{
		{nil, 0, nil, "no connection yet"},
		{[]zmq.EndpointState{{Endpoint: "a", Bound: true, Up: true}}, 0, nil, "nobody has connected to a"},
		{[]zmq.EndpointState{{Endpoint: "a", Bound: true, Up: true}}, 3, nil, "connected to 3 publishers, which have connected to a, and nothing has come"},
		{[]zmq.EndpointState{{Endpoint: "a", Up: true, Since: since}}, 1, []string{"t", "u"},
			`connected to a since 17:03:18, and nothing that begins with "t" or "u" has come`},
		{[]zmq.EndpointState{{Endpoint: "a", Up: true, Since: since}, {Endpoint: "b"}}, 1, []string{"t"}, "connected to a since 17:03:18; no connection to b: no answer yet"},
		{[]zmq.EndpointState{{Endpoint: "a"}, {Endpoint: "b"}, {Endpoint: "c"}, {Endpoint: "d"}, {Endpoint: "e"}, {Endpoint: "f", Reason: "x"}}, 0, nil,
			"no connection to a: no answer yet; no connection to b: no answer yet; no connection to c: no answer yet; " +
				"no connection to d: no answer yet; no connection to e: no answer yet; and 1 more"},
	} {
		if got := publishers(c.endpoints, c.peers, c.topics); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}
