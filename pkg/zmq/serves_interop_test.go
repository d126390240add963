package zmq_test

import (
	"sync/atomic"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// libzmq tries again when a receiver does not serve it, and is served when the receiver does. What it has sent
// meanwhile arrives.
func TestServesLibzmq(t *testing.T) {
	t.Parallel()
	for name, security := range map[string]zmq.Security{"NULL": {}, "PLAIN": plain(), "CURVE": curveServer(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options{"ROUTING_ID": "them"}
			switch name {
			case "PLAIN":
				o["PLAIN_USERNAME"], o["PLAIN_PASSWORD"] = "them", "secret"
			case "CURVE":
				o["CURVE_SERVERKEY"], o["CURVE_PUBLICKEY"], o["CURVE_SECRETKEY"] = serverPublic, clientPublic, clientSecret
			}
			var asked atomic.Int32
			var opens atomic.Bool
			s := ours(t, zmq.Config{Type: zmq.Router, Security: security, Serves: func(identity []byte) bool {
				asked.Add(1)
				return opens.Load() || string(identity) != "them"
			}})
			at, err := s.Bind("tcp://127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			peer := libzmq(t).connect("DEALER", at, o)
			peer.send([]byte("hello"))
			eventually(t, "three attempts", func() bool { return asked.Load() >= 3 })
			opens.Store(true)
			b, err := s.Recv(soon(t))
			if err != nil {
				t.Fatal(err)
			}
			defer b.Release()
			if frames := b.Frames(0); len(frames) != 1 || string(frames[0]) != "hello" {
				t.Errorf("received %q", frames)
			}
		})
	}
}
