package zmq

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
)

// proxied makes an XSUB whose batches an XPUB forwards. It returns the publishers' and the subscribers'
// endpoint, too.
func proxied(
	t *testing.T, hwm int, change func(p *Peer, prefix []byte, wanted bool, apply func()),
) (in, out *Socket, publishAt, subscribeAt string) {
	if change == nil {
		change = func(_ *Peer, prefix []byte, wanted bool, apply func()) {
			apply()
			if wanted {
				if err := in.Subscribe(prefix); err != nil {
					t.Error(err)
				}
			} else {
				in.Unsubscribe(prefix)
			}
		}
	}
	out, subscribeAt = bound(t, Config{Type: XPub, HWM: hwm, OnSubscription: change})
	in, publishAt = bound(t, Config{Type: XSub, OnReceive: func(b *Batch) {
		out.Forward(b)
		b.Release()
	}})
	return in, out, publishAt, subscribeAt
}

// A publisher is asked once for what some subscriber wants, until the last one no longer wants it.
func TestXSubAsksForWhatXPubIsAsked(t *testing.T) {
	_, out, publishAt, subscribeAt := proxied(t, 0, nil)
	early := peerRaw(t, publishAt, "PUB", 1)
	first := peerRaw(t, subscribeAt, "SUB", 1)
	first.say(command("SUBSCRIBE", "app."), command("SUBSCRIBE", "app."), command("SUBSCRIBE", "db"))
	heard := func(r *raw, want ...string) {
		t.Helper()
		for _, w := range want {
			if _, body := r.frame(); body != w {
				t.Errorf("asked for %q, not %q", body, w)
			}
		}
	}
	heard(early, "\x09SUBSCRIBEapp.", "\x09SUBSCRIBEdb")
	second := peerRaw(t, subscribeAt, "SUB", 0)
	second.say("\x00\x05\x01app.", "\x00\x02\x01x")
	heard(early, "\x09SUBSCRIBEx")
	late := peerRaw(t, publishAt, "PUB", 0)
	heard(late, "\x01app.", "\x01db", "\x01x")
	first.say(command("CANCEL", "app."), command("CANCEL", "db"))
	heard(early, "\x06CANCELdb")
	second.Close()
	eventually(t, "the end of the second", func() bool { return out.Peers() == 1 })
	var left []string
	for range 2 {
		_, body := early.frame()
		left = append(left, body)
	}
	if got := strings.Join(left, " "); got != "\x06CANCELapp. \x06CANCELx" && got != "\x06CANCELx \x06CANCELapp." {
		t.Errorf("at the end it was asked for %q", got)
	}
}

// Every message arrives unchanged at those that want it, even if its bytes cannot be passed on as they arrived.
func TestForward(t *testing.T) {
	_, out, publishAt, subscribeAt := proxied(t, 0, nil)
	pub := peerRaw(t, publishAt, "PUB", 1)
	all, some := peerRaw(t, subscribeAt, "SUB", 1), peerRaw(t, subscribeAt, "SUB", 1)
	all.say(command("SUBSCRIBE", ""))
	some.say(command("SUBSCRIBE", "b"))
	subscriptions(t, out, "b", 2)
	long := strings.Repeat("l", 300)
	pub.say("\x00\x01a", "\x01\x01b\x01\x00\x00\x01z", "\x00\x02b1",
		"\x01\x01b", command("PING", "\x00\x00"), "\x00\x01p", // a command between two frames
		"\xf0\x01b",                             // bits without a meaning yet
		"\x02\x00\x00\x00\x00\x00\x00\x00\x01b", // a long size where a short one would do
		longFrame(0, 300)+long, "\x00\x00", "\x00\x01b")
	b := "\x01\x01b\x01\x00\x00\x01z" + "\x00\x02b1" + "\x01\x01b\x00\x01p" + "\x00\x01b" +
		"\x02\x00\x00\x00\x00\x00\x00\x00\x01b"
	if want := "\x00\x01a" + b + longFrame(0, 300) + long + "\x00\x00\x00\x01b"; all.hear(len(want)) != want {
		t.Error("the subscriber to everything received something else")
	}
	if want := b + "\x00\x01b"; some.hear(len(want)) != want {
		t.Error("the subscriber to a part received something else")
	}
}

// subscriptions waits until n peers want a topic.
func subscriptions(t *testing.T, s *Socket, topic string, n int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d subscriptions to %q", n, topic), func() bool {
		s.audience.mu.Lock()
		defer s.audience.mu.Unlock()
		return len(s.audience.index.Of([]byte(topic)).Members) == n
	})
}

// A subscriber that does not read misses what does not fit, learns how much in its place, and delays no other.
func TestForwardToASlowSubscriber(t *testing.T) {
	const total = 40_000
	_, out, publishAt, subscribeAt := proxied(t, 100, nil)
	slow := peerRaw(t, subscribeAt, "SUB", 1)
	slow.say(command("SUBSCRIBE", ""))
	subscriptions(t, out, "", 1)
	s, _ := publisher(t, publishAt)
	text := strings.Repeat("x", 1000)
	p := peer(out, 0)
	for i := range total {
		if p.Dropped() == 0 && i > 20_000 {
			t.Fatal("it misses nothing")
		}
		s.Publish(fmt.Appendf(nil, "%06d%s", i, text))
		if i%50 == 49 {
			s.Flush()
			eventually(t, "the publisher's queue", func() bool { return !peer(s, 0).owed() })
		}
	}
	eventually(t, "everything", func() bool {
		queued, written, _ := p.outbox.state()
		return uint64(queued)+written+p.Dropped() == total
	})
	next, announced := 0, 0
	for next < total {
		_, body := slow.frame()
		if news, found := strings.CutPrefix(body, "\x04PING\x00\x00dropped:"); found {
			n := int(binary.BigEndian.Uint64([]byte(news)))
			next += n - announced
			announced = n
			continue
		}
		if want := fmt.Sprintf("%06d", next); body[:6] != want {
			t.Fatalf("%.6s in the place of %s, after %d were announced as missing", body, want, announced)
		}
		next++
		if next+int(p.Dropped())-announced == total { // what is missing at the end is announced with the next message
			break
		}
	}
	if out.Dropped() != p.Dropped() {
		t.Errorf("the socket counts %d, the peer %d", out.Dropped(), p.Dropped())
	}
}

// publisher makes a PUB that is connected to an XSUB, which has subscribed to everything.
func publisher(t *testing.T, at string) (*Socket, string) {
	t.Helper()
	s, own := bound(t, Config{Type: Pub})
	if err := s.Connect(at); err != nil {
		t.Fatal(err)
	}
	subscriptions(t, s, "", 1)
	return s, own
}

// The queue of a subscriber that is gone is freed, although the index still knows the subscriber.
func TestQueueGoesWithItsPeer(t *testing.T) {
	s, at := bound(t, Config{Type: Pub, HWM: 1 << 20})
	first, second := peerRaw(t, at, "SUB", 1), peerRaw(t, at, "SUB", 1)
	first.say(command("SUBSCRIBE", "a"))
	second.say(command("SUBSCRIBE", "a"))
	subscriptions(t, s, "a", 2)
	members := s.audience.index.Of([]byte("a")).Members // the index remembers them until the topic is looked up again
	for members[0].Dropped() == 0 || members[1].Dropped() == 0 {
		s.Publish([]byte("a"), make([]byte, 100_000))
		s.Flush()
	}
	first.Close()
	second.Close()
	eventually(t, "their end", func() bool {
		for _, p := range members {
			p.outbox.mu.Lock()
			held := cap(p.outbox.messages) + cap(p.outbox.control) + cap(p.outbox.spare)
			p.outbox.mu.Unlock()
			if held > 0 {
				return false
			}
		}
		return true
	})
}
