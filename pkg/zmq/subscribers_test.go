package zmq_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// A subscriber that does not read misses messages, the other one none, and the count is right.
func TestLibzmqSlowSubscriber(t *testing.T) {
	const total, size = 20_000, 1000
	up := make(chan *zmq.Peer, 2)
	s := ours(t, zmq.Config{Type: zmq.Pub, HWM: 400, OnUp: func(p *zmq.Peer) { up <- p }})
	at := listening(t, s)
	subscribe := func() (*their, *zmq.Peer) {
		sub := libzmq(t).connect("SUB", at, options{"SUBSCRIBE": "n", "RCVHWM": 50})
		return sub, <-up
	}
	fast, fastPeer := subscribe()
	slow, slowPeer := subscribe()
	eventually(t, "the subscriptions", func() bool {
		s.Publish([]byte("n-1"))
		s.Flush()
		return fastPeer.Written() > 0 && slowPeer.Written() > 0
	})
	for i := 0; i < total; i += 50 {
		for j := i; j < i+50; j++ {
			s.Publish(number("n", j, size))
		}
		s.Flush()
		for j, n := range fast.recvNumbers("n", 50) {
			if n != i+j {
				t.Fatalf("the fast subscriber has %d in the place of %d", n, i+j)
			}
		}
	}
	if dropped := fastPeer.Dropped(); dropped > 0 {
		t.Errorf("the fast subscriber has missed %d", dropped)
	}
	dropped := int(slowPeer.Dropped())
	got := slow.recvNumbers("n", total-dropped)
	if dropped == 0 || !slices.IsSorted(got) || !slow.idle(100*time.Millisecond) {
		t.Errorf("%d of %d were counted as missed, and that is not how many are missing", dropped, total)
	}
}

func TestLibzmqUnsubscribes(t *testing.T) {
	p := libzmq(t)
	s := ours(t, zmq.Config{Type: zmq.Pub})
	sub := p.connect("SUB", listening(t, s), options{"SUBSCRIBE": "app."})
	stop := publishSync(s)
	defer close(stop)
	wanted := func() bool {
		s.Publish([]byte("app.x"))
		s.Flush()
		return !sub.idle(5 * time.Millisecond)
	}
	eventually(t, "the subscription", wanted)
	p.ask(request{Op: "unsubscribe", Name: sub.name, Topic: "app."})
	eventually(t, "the end of the subscription", func() bool {
		for !sub.idle(0) {
			sub.recv("")
		}
		return !wanted()
	})
}

// A publisher gets our subscriptions, and nothing else.
func TestLibzmqHearsSubscriptions(t *testing.T) {
	xpub := libzmq(t).bind("XPUB", "tcp://127.0.0.1:*", nil)
	s := ours(t, zmq.Config{Type: zmq.Sub, Subscribe: []string{"app.", strings.Repeat("long", 60)}})
	if err := s.Connect(xpub.bound); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"\x01app.", "\x01" + strings.Repeat("long", 60)} {
		if got := xpub.recv(""); len(got) != 1 || string(got[0]) != want {
			t.Errorf("they were asked for %q", got)
		}
	}
	s.Close(context.Background())
	if got := xpub.recv(""); len(got) != 1 || got[0][0] != 0 {
		t.Errorf("after our end, they hear %q", got)
	}
}

// libzmq 4.3.4 sends corrupt frames for topics of 246 bytes and more, which end that connection and nothing else.
func TestLibzmqCorruptSubscription(t *testing.T) {
	p := libzmq(t)
	down := make(chan error, 100)
	s := ours(t, zmq.Config{Type: zmq.Pub, OnDown: func(_ *zmq.Peer, err error) { down <- err }})
	at := listening(t, s)
	for _, size := range []int{245, 246, 250, 255, 256, 1000} {
		topic := strings.Repeat("t", size)
		sub := p.connect("SUB", at, options{"SUBSCRIBE": topic, "RECONNECT_IVL": 10})
		eventually(t, "a subscription, or the end of its connection", func() bool {
			s.Publish([]byte(topic))
			s.Flush()
			return len(down) > 0 || !sub.idle(time.Millisecond)
		})
		if size == 245 && len(down) > 0 {
			t.Errorf("a topic of %d bytes: %v", size, <-down)
		}
		sub.close()
		eventually(t, "the end", func() bool { return s.Peers() == 0 })
		for len(down) > 0 {
			<-down
		}
	}
	other := p.connect("SUB", at, options{"SUBSCRIBE": "n"})
	eventually(t, "another subscriber", func() bool {
		s.Publish([]byte("n"))
		s.Flush()
		return !other.idle(time.Millisecond)
	})
}

// A topic that libzmq's XSUB has subscribed to twice ends when it has cancelled twice, although it passes on both
// subscriptions and only the last cancellation.
func TestLibzmqCancelsOnce(t *testing.T) {
	var mu sync.Mutex
	changes := make(map[string]int)
	s := ours(t, zmq.Config{Type: zmq.XPub, OnSubscription: func(_ *zmq.Peer, prefix []byte, wanted bool, apply func()) {
		apply()
		mu.Lock()
		defer mu.Unlock()
		changes[fmt.Sprint(string(prefix), wanted)]++
	}})
	xsub := libzmq(t).connect("XSUB", listening(t, s), nil)
	for _, change := range []string{"\x01a", "\x01a", "\x00a", "\x00a", "\x01end"} {
		xsub.send([]byte(change))
	}
	eventually(t, "the last change", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return changes["endtrue"] == 1
	})
	s.Publish([]byte("a"))
	s.Publish([]byte("end"))
	s.Flush()
	got := xsub.recv("")
	mu.Lock()
	defer mu.Unlock()
	if string(got[0]) != "end" || changes["atrue"] != 1 || changes["afalse"] != 1 {
		t.Errorf("received %q after %v", got, changes)
	}
}
