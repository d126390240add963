package zmq

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"weak"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/prefix"
)

// subscribed waits until a PUB's only peer wants a topic, or no longer wants it.
func subscribed(t testing.TB, s *Socket, topic string, want bool) {
	t.Helper()
	eventually(t, fmt.Sprintf("subscription %q: %v", topic, want), func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.peers) != 1 {
			return false
		}
		s.audience.mu.Lock()
		defer s.audience.mu.Unlock()
		return (len(s.audience.index.Of([]byte(topic)).Members) == 1) == want
	})
}

// wants reports whether a peer has subscribed to everything.
func wants(s *Socket, p *Peer) bool {
	s.audience.mu.Lock()
	defer s.audience.mu.Unlock()
	return slices.Contains(s.audience.index.Of(nil).Members, p)
}

// Both forms of a subscription are understood, whatever version the peer greeted with. One cancellation ends all that
// the peer has sent of a prefix: libzmq's XSUB passes on every subscription, but only the last cancellation.
func TestSubscriptionForms(t *testing.T) {
	commanded := func(name string) func(topic string) string {
		return func(topic string) string { return command(name, topic) }
	}
	message := func(first byte) func(topic string) string {
		return func(topic string) string { return string([]byte{0, byte(1 + len(topic)), first}) + topic }
	}
	forms := map[string]struct{ subscribe, cancel func(topic string) string }{
		"commands": {commanded("SUBSCRIBE"), commanded("CANCEL")},
		"messages": {message(subscribeByte), message(cancelByte)},
	}
	for name, form := range forms {
		for minor := range byte(2) {
			t.Run(fmt.Sprintf("%s, version 3.%d", name, minor), func(t *testing.T) {
				s, at := bound(t, Config{Type: Pub})
				r := peerRaw(t, at, "SUB", minor)
				r.say(form.cancel("app"), form.subscribe("app."), form.subscribe("app."), form.subscribe("db"))
				subscribed(t, s, "db", true)
				for _, topic := range []string{"app", "app.a", "sys", "", "db"} {
					s.Publish([]byte(topic), []byte("x"))
				}
				r.say(form.cancel("db"))
				subscribed(t, s, "db", false)
				s.Publish([]byte("app.b"))
				r.say(form.cancel("app."), form.cancel("app."), form.subscribe("x"))
				subscribed(t, s, "x", true)
				s.Publish([]byte("app.c"))
				r.say(form.subscribe(""))
				subscribed(t, s, "", true)
				s.Publish([]byte("end"))
				s.Flush()
				want := "\x01\x05app.a\x00\x01x\x01\x02db\x00\x01x\x00\x05app.b\x00\x03end"
				if got := r.hear(len(want)); got != want {
					t.Errorf("heard %q", got)
				}
			})
		}
	}
}

// A SUB asks in the form that the publisher's version understands, and leaves out what it has not asked for.
func TestSubscriberAsks(t *testing.T) {
	messages, commands := "\x00\x05\x01app.\x00\x03\x01db", command("SUBSCRIBE", "app.")+command("SUBSCRIBE", "db")
	asked := map[[2]byte]string{{3, 0}: messages, {3, 1}: commands, {3, 9}: commands, {4, 0}: commands}
	for version, want := range asked {
		s, at := bound(t, Config{Type: Sub, Subscribe: []string{"app.", "db"}})
		r := dialRaw(t, at)
		r.say(greeting(version[0], version[1], "NULL"), ready("PUB"))
		r.greeted()
		if got := r.hear(len(want)); got != want {
			t.Errorf("version %d: heard %q", version, got)
		}
		r.say("\x01\x03sys\x00\x01a", "\x00\x03app", "\x01\x05app.a\x00\x01b", "\x00\x03dbx")
		if got := receive(t, s, 2); got[0] != "app.a|b" || got[1] != "dbx" {
			t.Errorf("received %q", got)
		}
	}
}

// Without a subscription nothing is asked for, and other types have none.
func TestNobodyElseSubscribes(t *testing.T) {
	_, at := bound(t, Config{Type: Pull, Subscribe: []string{"x"}})
	r := peerRaw(t, at, "PUSH", 1)
	r.say(command("PING", "\x00\x00"))
	if _, body := r.frame(); body != "\x04PONG" {
		t.Errorf("heard %q", body)
	}
}

// A slow subscriber misses messages, the others none, and the count is right.
func TestSlowSubscriberAlone(t *testing.T) {
	const hwm, total = 100, 20_000
	var log logged
	var slow *Peer
	s, at := bound(t, Config{Type: Pub, HWM: hwm, Logger: log.logger()})
	slowRaw := peerRaw(t, at, "SUB", 1)
	slowRaw.say(command("SUBSCRIBE", ""))
	subscribed(t, s, "", true)
	slow = peer(s, 0)
	fast := peerRaw(t, at, "SUB", 0)
	fast.say("\x00\x01\x01")
	eventually(t, "the other subscription", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.peers) == 2 && wants(s, s.peers[1])
	})
	if missed, _ := peer(s, 1).outbox.offer([][]byte{nil}); missed > 0 {
		t.Fatal("the fast subscriber's queue is full")
	}
	s.Flush()
	fast.hear(2)
	text := strings.Repeat("x", 1000)
	for i := range total {
		s.Publish(fmt.Appendf(nil, "%06d%s", i, text))
		if i%(hwm/4) == hwm/4-1 { // the fast one keeps up
			s.Flush()
			for j := i - hwm/4 + 1; j <= i; j++ {
				if _, body := fast.frame(); body != fmt.Sprintf("%06d%s", j, text) {
					t.Fatalf("the fast subscriber has %.6q in the place of %d", body, j)
				}
			}
		}
	}
	received, last := 0, -1
	announced := uint64(0)
	for received+int(slow.Dropped()) < total {
		_, body := slowRaw.frame()
		if number, found := strings.CutPrefix(body, "\x04PING\x00\x00dropped:"); found {
			announced = binary.BigEndian.Uint64([]byte(number))
			continue
		}
		var n int
		if _, err := fmt.Sscanf(body[:6], "%d", &n); err != nil || n <= last {
			t.Fatalf("%.6q after %d", body, last)
		}
		last = n
		received++
	}
	if dropped := slow.Dropped(); dropped == 0 || received+int(dropped) != total {
		t.Errorf("%d received and %d dropped of %d", received, dropped, total)
	}
	slowRaw.say(command("PING", "\x00\x00"))
	if _, body := slowRaw.frame(); body != "\x04PONG" {
		t.Errorf("heard %.6q after everything", body)
	}
	s.Publish([]byte("news"))
	s.Flush()
	for body := ""; body != "news"; {
		_, body = slowRaw.frame()
		if number, found := strings.CutPrefix(body, "\x04PING\x00\x00dropped:"); found {
			announced = binary.BigEndian.Uint64([]byte(number))
		}
	}
	if announced != slow.Dropped() {
		t.Errorf("%d missed messages were announced of %d", announced, slow.Dropped())
	}
	if n := log.count("too slow"); n != 1 {
		t.Errorf("it is logged %d times", n)
	}
}

// Messages published after a subscriber's end do not count as missed.
func TestLeavingSubscriberIsNotSlow(t *testing.T) {
	var log logged
	s, at := bound(t, Config{Type: Pub, Logger: log.logger()})
	peerRaw(t, at, "SUB", 1).say(command("SUBSCRIBE", ""))
	subscribed(t, s, "", true)
	p := peer(s, 0)
	p.outbox.end()
	s.Publish([]byte("late"))
	if p.Dropped() != 0 || log.count("slow") != 0 {
		t.Errorf("%d dropped", p.Dropped())
	}
}

// A publisher does not remember subscribers that are gone.
func TestSubscriberIsForgotten(t *testing.T) {
	s, at := bound(t, Config{Type: Pub})
	r := peerRaw(t, at, "SUB", 1)
	r.say(command("SUBSCRIBE", "a"), command("SUBSCRIBE", "b"))
	subscribed(t, s, "b", true)
	p := weak.Make(peer(s, 0))
	r.Close()
	eventually(t, "the peer's memory to be freed", func() bool {
		runtime.GC()
		return p.Value() == nil
	})
}

// A subscriber cannot make a publisher remember without bounds.
func TestSubscriptionFlood(t *testing.T) {
	for name, form := range map[string]func(topic string) string{
		"commands": func(topic string) string { return command("SUBSCRIBE", topic) },
		"messages": func(topic string) string { return string([]byte{0, byte(1 + len(topic)), 1}) + topic },
	} {
		t.Run(name, func(t *testing.T) {
			_, at, reason := down(t, Config{Type: Pub})
			r := peerRaw(t, at, "SUB", 1)
			for i := 0; len(reason) == 0; i++ {
				if _, err := r.Write([]byte(form(fmt.Sprintf("%0100d", i)))); err != nil {
					break
				}
				if i > 2*prefix.MaxBytes/100 {
					t.Fatal("there is no limit")
				}
			}
			if err := <-reason; err == nil || !strings.Contains(err.Error(), "prefixes") {
				t.Errorf("reason: %v", err)
			}
		})
	}
}

// However many subscribers do not read, and however long messages are, their queues together have a limit.
func TestQueuesTogetherAreBounded(t *testing.T) {
	s, at := bound(t, Config{Type: Pub})
	const subscribers, size = 100, 100_000
	for range subscribers {
		peerRaw(t, at, "SUB", 1).say(command("SUBSCRIBE", ""))
	}
	eventually(t, "the subscriptions", func() bool {
		s.audience.mu.Lock()
		defer s.audience.mu.Unlock()
		return len(s.audience.index.Of(nil).Members) == subscribers
	})
	body := make([]byte, size)
	for range 100 {
		s.Publish(body)
	}
	out := &s.cfg.Budget.Out
	total, least := 0, out.Limit()
	for i := range subscribers {
		p := peer(s, i)
		p.outbox.mu.Lock()
		total += p.outbox.bytes
		least = min(least, p.outbox.bytes)
		p.outbox.mu.Unlock()
	}
	if total > out.Limit() || out.Used() > out.Limit() || least < minQueueBytes {
		t.Errorf("%d bytes in all queues, %d in one; their buffers take %d of %d", total, least, out.Used(), out.Limit())
	}
}
