package zmq

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/prefix"
)

// lostContext is the context of a PING that announces n lost messages.
func lostContext(n uint64) string {
	return string(binary.BigEndian.AppendUint64([]byte("missing:"), n))
}

// What was lost before is announced once, after the messages that came before: at once, or when there is room.
func TestOutboxAnnouncesWhatWasLost(t *testing.T) {
	o := newOutbox(2)
	sent := func(want string) {
		t.Helper()
		w := o.writes()
		if got := strings.TrimSpace(sentFrames(t, w.control) + " | " + sentFrames(t, w.messages)); got != want {
			t.Errorf("sent %s, want %s", got, want)
		}
	}
	o.lose(3)
	o.offer(one("a"))
	o.lose(4)
	o.lose(0)
	o.lose(1)
	o.offer(one("b"))
	o.offer(one("c")) // has no room
	o.lose(2)
	sent("<3> | a <5> <0> b")
	o.offer(one("d"))
	sent("| <2> [1] d")
	o.lose(0)
	sent("<0> |")
	o.offer(one("e"))
	o.lose(6)
	o.ping()
	sent("\x04PING\x00\x00 | e") // the heartbeat must not overtake e
	o.ping()
	sent("<6> [1] |")
	o.lose(math.MaxUint64 - 1)
	sent(fmt.Sprintf("<%d> |", uint64(math.MaxUint64-1)))
	if o.bytes != 0 || o.queued != 0 {
		t.Errorf("%d bytes and %d messages are queued at the end", o.bytes, o.queued)
	}
}

// However many losses a peer is told of that reads nothing, what waits for it is bounded, and no number is lost.
func TestOutboxBoundsWhatWasLost(t *testing.T) {
	for name, waiting := range map[string]bool{"nothing waits": false, "a message waits": true} {
		o, sum := newOutbox(2), uint64(0)
		if waiting {
			o.offer(one("a"))
		}
		for range 100_000 {
			o.lose(2)
			o.lose(0)
		}
		if n := len(o.control) + len(o.messages); n > maxControl+200 {
			t.Errorf("%s: %d bytes wait", name, n)
		}
		for range 2 {
			w := o.writes()
			for frame := range strings.FieldsSeq(sentFrames(t, w.control)) {
				var n uint64
				fmt.Sscanf(frame, "<%d>", &n) //nolint:errcheck // another frame counts nothing
				sum += n
			}
			o.ping()
		}
		if sum != 200_000 {
			t.Errorf("%s: %d are announced", name, sum)
		}
	}
	o := newOutbox(2)
	o.offer(one("a"))
	o.lose(math.MaxUint64)
	o.lose(math.MaxUint64)
	if o.lost.number != math.MaxUint64 {
		t.Errorf("%d are lost", o.lost.number)
	}
	old := newOutbox(2)
	old.announces = false
	old.lose(1)
	old.offer(one("a"))
	if w := old.writes(); len(w.control) > 0 || sentFrames(t, w.messages) != "a" {
		t.Errorf("a peer that knows no PING gets %q and %q", w.control, w.messages)
	}
}

// A subscriber is told of losses among topics that it gets, and of the number only if it gets all topics.
func TestLostIsToldToThoseWhoMayKnow(t *testing.T) {
	t.Parallel()
	changes, may := make(chan string, 100), allowing(nil)
	s, at := bound(t, Config{Type: XPub, Allow: may.of,
		OnSubscription: func(_ *Peer, _ []byte, _ bool, apply func()) { apply(); changes <- "" }})
	red := setOf("app.red.", "db")
	for _, c := range []struct {
		may  *prefix.Set // what the subscriber may have
		asks string      // its prefixes, with blanks between; # is the empty one
		n    uint64      // lost
		of   *prefix.Set // topics
		want string      // the announced number; "": none
	}{
		{nil, "#", 7, nil, "7"}, {nil, "#", 0, nil, "0"}, {nil, "# x", 7, setOf("app."), "7"}, {nil, "#", 7, setOf(), ""},
		{nil, "app.", 7, nil, "0"}, {nil, "app.", 7, setOf(""), "0"}, {nil, "app.", 7, setOf("app.a"), "0"},
		{nil, "app.a1", 7, setOf("app.a"), "0"}, {nil, "app.", 7, setOf("b", "c"), ""}, {nil, "app.a", 7, setOf("app.b"), ""},
		{nil, "x y", 7, setOf("a", "y1"), "0"}, {nil, "", 7, nil, ""},
		{setOf(""), "#", 7, nil, "7"}, {setOf(""), "a", 7, nil, "0"}, {red, "#", 7, nil, "0"}, {red, "#", 7, setOf(""), "0"},
		{red, "#", 7, setOf("app."), "0"}, {red, "#", 7, setOf("app.red.1"), "0"}, {red, "#", 7, setOf("app.blue.", "app.redder"), ""},
		{red, "app.red.1", 7, setOf("app.red.2"), ""}, {red, "d", 7, setOf("app.red."), ""}, {red, "a db1", 7, setOf("x", "db"), "0"},
	} {
		may.Store(c.may)
		r := peerRaw(t, at, "SUB", 1)
		for ask := range strings.FieldsSeq(c.asks) {
			r.say(command("SUBSCRIBE", strings.TrimPrefix(ask, "#")))
			<-changes
		}
		eventually(t, "the subscriber", func() bool { return s.Peers() == 1 })
		s.Lost(c.n, c.of)
		r.say(command("PING", "\x00\x00end"))
		got := ""
		for _, body := r.frame(); body != "\x04PONGend"; _, body = r.frame() {
			number, _ := strings.CutPrefix(body, "\x04PING\x00\x00missing:")
			got += fmt.Sprint(binary.BigEndian.Uint64([]byte(number)))
		}
		if got != c.want {
			t.Errorf("%+v: %q is announced", c, got)
		}
		r.Close()
		eventually(t, "its end", func() bool { return s.Peers() == 0 })
		for range strings.Fields(c.asks) {
			<-changes
		}
	}
	if n := s.Dropped(); n > 0 {
		t.Errorf("%d are counted as missed", n)
	}
}

// A subscriber hears of what was lost in its place; other PINGs mean nothing.
func TestSubscriberHearsOfWhatWasLost(t *testing.T) {
	order := make(chan string, 20)
	note := func(what string) func(*Peer, uint64) {
		return func(_ *Peer, n uint64) { order <- fmt.Sprint(what, n) }
	}
	_, at := bound(t, Config{Type: XSub, Subscribe: []string{""}, OnMissed: note("missed "), OnLost: note("lost "),
		OnReceive: func(b *Batch) {
			for i := range b.Len() {
				order <- string(b.Frames(i)[0])
			}
			b.Release()
		}})
	ping := func(context string) string { return command("PING", "\x00\x00"+context) }
	peerRaw(t, at, "PUB", 1).say("\x00\x01a\x00\x01b", ping(lostContext(7)), ping(lostContext(7)), "\x00\x01c", ping(lostContext(0)),
		ping("missing!12345678"), ping(lostContext(1)[:15]), ping("dropped:\x00\x00\x00\x00\x00\x00\x00\x02"), "\x00\x01d")
	for _, want := range []string{"a", "b", "lost 7", "lost 7", "c", "lost 0", "missed 2", "d"} {
		if got := <-order; got != want {
			t.Errorf("%s in the place of %s", got, want)
		}
	}
}

// With a heartbeat, a subscriber that gets no message hears of what was lost behind those that wait for it.
func TestHeartbeatSaysWhatWasLost(t *testing.T) {
	inBubble(t, Config{Type: Pub, HWM: 4}, "SUB", 1, func(t *testing.T, s *Socket, r *raw, _ chan error) {
		r.say(command("SUBSCRIBE", ""))
		synctest.Wait()
		for i := range 2 {
			s.Publish([]byte{'0' + byte(i)})
			s.Flush()
			synctest.Wait() // the first is being written
		}
		s.Lost(5, nil)
		time.Sleep(beat)
		const ping = "\x04PING\x00\x00"
		for _, want := range []string{"0", ping, "1", ping + lostContext(5)} {
			if _, body := r.frame(); body != want {
				t.Errorf("%q in the place of %q", body, want)
			}
			if want == "1" {
				time.Sleep(beat)
			}
		}
	})
}
