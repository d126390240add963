package zmq_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// pairings are those of our types with libzmq's. Messages go to libzmq (toThem), to us, or both.
var pairings = []struct {
	own, their   zmq.Type
	toThem, toUs bool
}{
	{zmq.Push, "PULL", true, false},
	{zmq.Pull, "PUSH", false, true},
	{zmq.Dealer, "DEALER", true, true},
	{zmq.Dealer, "ROUTER", true, true},
	{zmq.Router, "DEALER", true, true},
	{zmq.Pub, "SUB", true, false},
	{zmq.Pub, "XSUB", true, false},
	{zmq.Sub, "PUB", false, true},
	{zmq.Sub, "XPUB", false, true},
	{zmq.XPub, "SUB", true, false},
	{zmq.XPub, "XSUB", true, false},
	{zmq.XSub, "PUB", false, true},
	{zmq.XSub, "XPUB", false, true},
}

const sign = "sync" // what is published until a subscription has arrived

// TestLibzmqPairings sends all shapes of messages, in both directions if the types allow it, over every
// transport, with either end binding.
func TestLibzmqPairings(t *testing.T) {
	t.Parallel()
	p := libzmq(t)
	for _, pairing := range pairings {
		for _, transport := range []string{"tcp://127.0.0.1:*", "tcp://[::1]:*", "ipc:///", "ipc://@"} {
			for _, bind := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s %s %s %v", pairing.own, pairing.their, transport, bind), func(t *testing.T) {
					at := transport
					if strings.HasPrefix(at, "ipc") {
						at = strings.TrimSuffix(transport, "/") + filepath.Join(t.TempDir(), "s")
					}
					p.t = t
					p.pair(pairing.own, pairing.their, at, bind, pairing.toThem, pairing.toUs, zmq.Security{}, options{})
				})
			}
		}
	}
}

// pair tries one pairing, with the security and libzmq's options for it, and returns our end's peer.
func (p *python) pair(own, theirType zmq.Type, at string, bind, toThem, toUs bool, security zmq.Security, o options) *zmq.Peer {
	t := p.t
	up := make(chan *zmq.Peer, 1)
	s := ours(t, zmq.Config{Type: own, Identity: identityOf(own), Subscribe: []string{"t", "o", "x", sign},
		Security: security, OnUp: func(p *zmq.Peer) { up <- p }})
	switch theirType {
	case "SUB":
		o["SUBSCRIBE"] = ""
	case "DEALER":
		o["ROUTING_ID"] = "them"
	}
	var them *their
	var err error
	if bind {
		if at, err = s.Bind(at); err == nil {
			them = p.connect(theirType, at, o)
		}
	} else {
		them = p.bind(theirType, at, o)
		err = s.Connect(them.bound)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer them.close()
	peer := <-up
	if theirType == "DEALER" && string(peer.Identity()) != "them" {
		t.Errorf("identity %q", peer.Identity())
	}
	if theirType == "XSUB" {
		them.send([]byte{1})
	}
	p.subscribe(s, own, them)
	for _, frames := range bodies {
		if toThem {
			give(t, s, own, peer, frames)
			got := them.recv(sign)
			if theirType == "ROUTER" && len(got) > 0 {
				if string(got[0]) != "us" {
					t.Errorf("from %q", got[0])
				}
				got = got[1:]
			}
			if !equal(got, frames) {
				t.Errorf("they received %.60q, not %.60q", got, frames)
			}
		}
		if toUs {
			if theirType == "ROUTER" {
				them.send(append([][]byte{[]byte("us")}, frames...)...)
			} else {
				them.send(frames...)
			}
			expect(t, s, [][][]byte{frames})
		}
	}
	return peer
}

func identityOf(typ zmq.Type) []byte {
	if typ == zmq.Dealer {
		return []byte("us")
	}
	return nil
}

// give sends a message as the socket's type does.
func give(t *testing.T, s *zmq.Socket, typ zmq.Type, peer *zmq.Peer, frames [][]byte) {
	t.Helper()
	switch typ {
	case zmq.Pub, zmq.XPub:
		s.Publish(frames...)
		s.Flush()
	case zmq.Router:
		if !peer.Send(frames...) {
			t.Error("the peer accepts no message")
		}
	default:
		if err := s.Send(soon(t), frames...); err != nil {
			t.Fatal(err)
		}
	}
}

// subscribe waits until the publisher, if there is one, has a subscription.
func (p *python) subscribe(s *zmq.Socket, own zmq.Type, them *their) {
	switch own {
	case zmq.Pub, zmq.XPub:
		stop := publishSync(s)
		defer close(stop)
		eventually(p.t, "their subscription", func() bool { return !them.idle(5 * time.Millisecond) })
	case zmq.Sub, zmq.XSub:
		var b *zmq.Batch
		eventually(p.t, "our subscription", func() bool {
			them.send([]byte(sign))
			b = s.TryRecv()
			return b != nil
		})
		b.Release()
		them.send([]byte("x last"))
		for last := false; !last; {
			b, err := s.Recv(soon(p.t))
			if err != nil {
				p.t.Fatal(err)
			}
			last = string(b.Frames(b.Len() - 1)[0]) == "x last"
			b.Release()
		}
	}
}

// publishSync publishes until stop is closed.
func publishSync(s *zmq.Socket) (stop chan struct{}) {
	stop = make(chan struct{})
	go func() {
		for {
			s.Publish([]byte(sign))
			s.Flush()
			select {
			case <-stop:
				return
			case <-time.After(2 * time.Millisecond):
			}
		}
	}()
	return stop
}
