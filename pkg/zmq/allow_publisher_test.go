package zmq

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/prefix"
)

// A publisher is asked for exactly what is wanted and what it may publish, whatever changes.
func TestPublisherIsAskedForItsPart(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	word := func() []byte {
		b := make([]byte, random.IntN(5))
		for i := range b {
			b[i] = "ab"[random.IntN(2)]
		}
		return b
	}
	set := new(rights)
	s := open(t, Config{Type: XSub, Allow: set.of, OnReceive: (*Batch).Release})
	for range 200 {
		allowed := new(prefix.Set)
		for range random.IntN(5) {
			allowed.Insert(word())
		}
		set.Store(allowed)
		p := piped(t, s)
		asked := obey(t, make(map[string]bool), p.outbox.take().control)
		for range 40 {
			if topic := word(); random.IntN(2) == 0 {
				s.Require(topic)
			} else {
				s.Unsubscribe(topic)
			}
			p.requests.paused = true // the test takes them
			asked = obey(t, asked, p.requests.take(true))
			late := piped(t, s)
			if at := obey(t, make(map[string]bool), late.outbox.take().control); fmt.Sprint(at) != fmt.Sprint(asked) {
				t.Fatalf("a new publisher is asked for %v, an old one for %v", at, asked)
			}
			s.remove(late)
			var is prefix.Set
			for a := range asked {
				is.Insert([]byte(a))
			}
			if topic := word(); is.Match(topic) != (allowed.Match(topic) && s.wanted.Match(topic)) {
				t.Fatalf("%q: asked for %v", topic, asked)
			}
		}
		s.remove(p)
	}
}

// obey applies encoded subscriptions to what a publisher is asked for. Each must be a change.
func obey(t *testing.T, asked map[string]bool, wire []byte) map[string]bool {
	t.Helper()
	for _, change := range told(t, wire) {
		name, topic, _ := strings.Cut(change, " ")
		if asked[topic] == (name == "SUBSCRIBE") {
			t.Fatalf("%s where %v is asked for", change, asked)
		}
		if asked[topic] = true; name == "CANCEL" {
			delete(asked, topic)
		}
	}
	return asked
}

// What a publisher may not publish is left out, whatever it is sent with; the rest is passed on as it arrived.
func TestPublisherPublishesItsPart(t *testing.T) {
	t.Parallel()
	var log logged
	var announced atomic.Uint64
	out, subscribeAt := bound(t, Config{Type: XPub})
	in, publishAt := bound(t, Config{Type: XSub, MaxMessage: 1000, Logger: log.logger(), Subscribe: []string{""}, Allow: allowing(only("b", "long")).of,
		OnMissed: func(_ *Peer, n uint64) { announced.Add(n) },
		OnReceive: func(b *Batch) {
			for i := range b.Len() {
				if topic := b.Frames(i)[0]; !bytes.HasPrefix(topic, []byte("b")) && !bytes.HasPrefix(topic, []byte("long")) {
					t.Errorf("received %q", topic)
				}
			}
			out.Forward(b)
			b.Release()
		}})
	sub := peerRaw(t, subscribeAt, "SUB", 1)
	sub.say(command("SUBSCRIBE", ""))
	subscriptions(t, out, "", 1)
	pub := peerRaw(t, publishAt, "PUB", 1)
	pub.hear(len(command("SUBSCRIBE", "b")) + len(command("SUBSCRIBE", "long")))
	ping := command("PING", "\x00\x00")
	tooLong := strings.Repeat("b", 1500)
	pub.say("\x00\x02b1", "\x00\x01a", "\x00\x02b2", "\x00\x02b3", // neighbours, and not
		"\x00\x00", "\x01\x00\x00\x01b", "\x01\x01a\x00\x01b", // empty topics, and allowed text after a topic
		"\x01\x01a"+ping+"\x01\x01b"+ping+"\x00\x01b", // commands between frames
		ping, "\x00\x01a", ping, "\x00\x02b4", ping, "\xf0\x01a", // and between messages; bits without a meaning
		"\x02\x00\x00\x00\x00\x00\x00\x00\x01a", "\x01\x02b5\x01\x00\x00\x01a", // a long size
		"\x01\x01B\x00\x01b", "\x00\x03lon", "\x00\x04long",
		longFrame(1, 1500)+tooLong+"\x00\x01b", // a topic that is too long is empty
		longFrame(0, 1500)+"a"+tooLong[1:], "\x00\x02b6")
	want := "\x00\x02b1" + "\x00\x02b2" + "\x00\x02b3" + "\x00\x02b4" + "\x01\x02b5\x01\x00\x00\x01a" + "\x00\x04long" + "\x00\x02b6"
	if got := sub.hear(len(want)); got != want {
		t.Errorf("received %q, want %q", got, want)
	}
	if in.LeftOut() != 12 || in.Truncated() > 0 {
		t.Errorf("%d are counted as left out, %d as cut", in.LeftOut(), in.Truncated())
	}
	pub.Close()
	eventually(t, "its end", func() bool { return in.Peers() == 0 })
	eventually(t, "the log", func() bool { return log.sum("messages") == 12 })
	if log.count("messages=1\n") < 1 || log.count("topic=a ") < 1 {
		t.Errorf("logged: %s", &log.text)
	}
}

// A publisher that may publish nothing is asked for nothing, and has no news that anybody believes.
func TestPublisherOfNothing(t *testing.T) {
	t.Parallel()
	var log logged
	s, at := bound(t, Config{Type: XSub, Logger: log.logger(), Subscribe: []string{"", "a"}, Allow: allowing(only()).of, OnReceive: func(b *Batch) {
		t.Errorf("received %q", b.Frames(0))
		b.Release()
	}, OnMissed: func(_ *Peer, n uint64) { t.Errorf("%d are said to be missing", n) }})
	pub := peerRaw(t, at, "PUB", 1)
	pub.say("\x00\x00", "\x00\x01a", command("PING", "\x00\x00dropped:\x00\x00\x00\x00\x00\x00\x00\x09"))
	pub.frame()
	if err := s.Subscribe([]byte("b")); err != nil {
		t.Fatal(err)
	}
	pub.say(command("PING", "\x00\x00x"))
	if _, body := pub.frame(); body != "\x04PONGx" {
		t.Errorf("it is asked for %q", body)
	}
	if log.count("lets it publish nothing") != 1 {
		t.Errorf("logged: %s", &log.text)
	}
}
