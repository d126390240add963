package zmq_test

import (
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// With ZMQ_PROBE_ROUTER, libzmq's sockets send an empty message as soon as they are connected. It is no message: the
// first that is received is the first that was sent, and another empty one is received.
func TestProbesAreIgnored(t *testing.T) {
	for _, pair := range []struct{ own, theirs zmq.Type }{
		{zmq.Router, "DEALER"}, {zmq.Router, "REQ"}, {zmq.Router, "ROUTER"}, {zmq.Dealer, "ROUTER"}, {zmq.Dealer, "DEALER"},
	} {
		t.Run(string(pair.own+" and "+pair.theirs), func(t *testing.T) {
			p := libzmq(t)
			up := make(chan *zmq.Peer, 1)
			s := ours(t, zmq.Config{Type: pair.own, Identity: []byte("us"), OnUp: func(p *zmq.Peer) { up <- p }})
			at, err := s.Bind("tcp://127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			them := p.connect(pair.theirs, at, options{"PROBE_ROUTER": 1})
			if peer := <-up; pair.theirs == "ROUTER" { // it can send when it knows our identity
				peer.Send([]byte("hello"))
				them.recv("")
			}
			say := func(frames ...[]byte) {
				if pair.theirs == "ROUTER" {
					frames = append([][]byte{[]byte("us")}, frames...)
				}
				them.send(frames...)
			}
			first, empty := [][]byte{[]byte("first")}, [][]byte{{}}
			if pair.theirs == "REQ" { // its message follows a delimiter, and it sends none before the answer
				say(first...)
				expect(t, s, [][][]byte{append(empty, first...)})
				return
			}
			say(first...)
			say(empty...)
			expect(t, s, [][][]byte{first, empty})
		})
	}
}
