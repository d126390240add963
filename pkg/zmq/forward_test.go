package zmq

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
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
	first.say(command("CANCEL", "app."))
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

// A replay precedes what is published later. The high-water mark limits the rest, but not the replay.
func TestReplay(t *testing.T) {
	const hwm, replayed = 10, 25
	change := func(p *Peer, prefix []byte, wanted bool, apply func()) {
		for i := range replayed {
			if wanted && !p.Replay([]byte(fmt.Sprintf("%sold%d", prefix, i))) {
				t.Errorf("message %d was not accepted", i)
			}
		}
		apply()
	}
	_, out, _, subscribeAt := proxied(t, hwm, change)
	r := peerRaw(t, subscribeAt, "SUB", 1)
	r.say(command("SUBSCRIBE", "r"))
	subscriptions(t, out, "r", 1)
	for i := range hwm - 1 {
		out.Publish([]byte(fmt.Sprintf("rnew%d", i)))
	}
	out.Flush()
	for i := range replayed {
		if _, body := r.frame(); body != fmt.Sprintf("rold%d", i) {
			t.Errorf("%q in the place of rold%d", body, i)
		}
	}
	for i := range hwm - 1 {
		if _, body := r.frame(); body != fmt.Sprintf("rnew%d", i) {
			t.Errorf("%q in the place of rnew%d", body, i)
		}
	}
	if n := peer(out, 0).Dropped(); n != 0 {
		t.Errorf("%d dropped", n)
	}
}

// A replay has a limit in bytes of its own, and what does not fit is announced before what does.
func TestReplayIsBounded(t *testing.T) {
	body := make([]byte, 100_000)
	change := func(p *Peer, _ []byte, wanted bool, apply func()) {
		if wanted {
			room, n := p.ReplayRoom(), 0
			p.Miss(7)
			for p.Replay(body) {
				n++
			}
			if room != maxQueueBytes || n < room/(len(body)+9) || n > room/len(body)+1 || p.ReplayRoom() > 0 {
				t.Errorf("%d messages in %d bytes, of which %d are left", n, room, p.ReplayRoom())
			}
		}
		apply()
	}
	_, out, _, subscribeAt := proxied(t, 10, change)
	r := peerRaw(t, subscribeAt, "SUB", 1)
	r.say(command("SUBSCRIBE", "r"))
	subscriptions(t, out, "r", 1)
	out.Flush()
	if _, body := r.frame(); body != "\x04PING\x00\x00dropped:\x00\x00\x00\x00\x00\x00\x00\x07" {
		t.Errorf("heard %q first", body)
	}
	out.Publish([]byte("r"))
	if n := peer(out, 0).Dropped(); n != 7 {
		t.Errorf("%d dropped", n)
	}
}

// A subscriber learns once what it has missed, with a heartbeat, too; other PINGs mean nothing.
func TestSubscriberHearsOfGaps(t *testing.T) {
	missed := make(chan uint64, 10)
	s, at := bound(t, Config{Type: Sub, Subscribe: []string{""}, OnMissed: func(_ *Peer, n uint64) { missed <- n }})
	r := peerRaw(t, at, "PUB", 1)
	announcement := func(n byte) string {
		return command("PING", "\x00\x00dropped:\x00\x00\x00\x00\x00\x00\x00"+string([]byte{n}))
	}
	r.say("\x00\x01a", announcement(3), "\x00\x01b", announcement(3), command("PING", "\x00\x00dropped!12345678"),
		command("PING", "\x00\x00"), announcement(5))
	if got := receive(t, s, 2); strings.Join(got, "") != "ab" {
		t.Errorf("received %q", got)
	}
	if first, second := <-missed, <-missed; first != 3 || second != 2 || len(missed) > 0 {
		t.Errorf("missed %d and %d, and %d more", first, second, len(missed))
	}
}

// Missed messages are reported after what was received before them.
func TestGapsStandWhereTheyAre(t *testing.T) {
	order := make(chan string, 10)
	_, at := bound(t, Config{Type: XSub, Subscribe: []string{""},
		OnReceive: func(b *Batch) {
			for i := range b.Len() {
				order <- string(b.Frames(i)[0])
			}
			b.Release()
		},
		OnMissed: func(_ *Peer, n uint64) { order <- fmt.Sprint(n) }})
	announcement := command("PING", "\x00\x00dropped:\x00\x00\x00\x00\x00\x00\x00\x07")
	peerRaw(t, at, "PUB", 1).say("\x00\x01a\x00\x01b", announcement, "\x00\x01c")
	for _, want := range []string{"a", "b", "7", "c"} {
		if got := <-order; got != want {
			t.Errorf("%s in the place of %s", got, want)
		}
	}
}

// A heartbeat's announcement does not overtake messages that were published before the missed ones.
func TestHeartbeatOvertakesNothing(t *testing.T) {
	inBubble(t, Config{Type: Pub, HWM: 4}, "SUB", 1, func(t *testing.T, s *Socket, r *raw, _ chan error) {
		r.say(command("SUBSCRIBE", ""))
		synctest.Wait()
		for i := range 7 {
			s.Publish([]byte{'0' + byte(i)})
			s.Flush()
			synctest.Wait() // the first is being written
		}
		time.Sleep(beat)
		const ping = "\x04PING\x00\x00"
		for _, want := range []string{"0", ping, "1", "2", "3", ping + "dropped:\x00\x00\x00\x00\x00\x00\x00\x03"} {
			if _, body := r.frame(); body != want {
				t.Errorf("%q in the place of %q", body, want)
			}
		}
	})
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
