package zmq

import (
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/budget"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/listen"
)

// A sender that has gone, and will send again what was not answered, leaves nothing of its connection, even while
// nothing receives. What a PUSH has sent before it went is received.
func TestGoneSendersLeaveNothing(t *testing.T) {
	t.Run("answered", func(t *testing.T) {
		var gone atomic.Int32
		s, at := bound(t, Config{Type: Router, Answered: true, OnDown: func(*Peer, error) { gone.Add(1) }})
		for i := range 2 {
			r := peerRaw(t, at, "DEALER", 1)
			peers(t, s, 1)
			r.say("\x00\x05first", longFrame(0, 10_000), strings.Repeat("x", 10_000))
			eventually(t, "the first message to be handed over", func() bool { return peer(s, 0).handed.Load()%2 == 1 })
			r.Close()
			eventually(t, "its end", func() bool { return gone.Load() == int32(i+1) })
		}
		if s.cfg.Budget.In.Used() != 0 {
			t.Errorf("%d bytes are in use", s.cfg.Budget.In.Used())
		}
	})
	t.Run("not answered", func(t *testing.T) {
		s, at := bound(t, Config{Type: Pull})
		r := peerRaw(t, at, "PUSH", 1)
		peers(t, s, 1)
		r.say("\x00\x05first", longFrame(0, 10_000), strings.Repeat("x", 10_000))
		eventually(t, "the first message to be handed over", func() bool { return peer(s, 0).handed.Load()%2 == 1 })
		p := peer(s, 0)
		r.Close()
		eventually(t, "the end to be seen", func() bool { return ended(p.conn) })
		if got := receive(t, s, 1)[0] + receive(t, s, 1)[0]; len(got) != 10_005 {
			t.Errorf("%d bytes are received", len(got))
		}
	})
}

// A peer that is held back hears a sign of life, even if it gets no PING.
func TestSignOfLife(t *testing.T) {
	s, at := bound(t, Config{Type: Pull})
	r := peerRaw(t, at, "PUSH", 1)
	r.say("\x00\x03one")
	if _, got := r.frame(); got != "\x04PONG" {
		t.Errorf("heard %q", got)
	}
	receiveOne(t, s)
}

// Subscribers that do not read use up their share of the memory, and hold up none that does.
func TestStalledSubscribersHoldUpNobody(t *testing.T) {
	var log logged
	b := budget.New(least, 0)
	s, at := bound(t, Config{Type: XPub, Budget: b, Logger: log.logger(), HWM: 1 << 20, stuck: 1})
	message := strings.Repeat("m", 50_000)
	for i := range 20 { // each of the first ones takes all that it may
		stalled := peerRaw(t, at, "SUB", 1)
		stalled.mayEnd = true
		stalled.say(command("SUBSCRIBE", "m"), command("SUBSCRIBE", fmt.Sprint(i)))
		reads(t, s, fmt.Sprint(i), 1)
		for range 100 {
			s.Publish([]byte(message))
		}
		s.Flush()
	}
	reader := peerRaw(t, at, "SUB", 1)
	reader.say(command("SUBSCRIBE", "reader"))
	reads(t, s, "reader", 1)
	reader.mayEnd = true
	got := make(chan string, 1)
	go func() {
		body := ""
		for !strings.HasPrefix(body, "reader") { // before it: PING, which announces what is missed
			_, body = reader.frame()
		}
		got <- body
	}()
	eventually(t, "a reader to get a long message", func() bool {
		s.Publish([]byte("reader" + strings.Repeat("!", 30_000)))
		s.Flush()
		return len(got) == 1
	})
	if used := b.Out.Used(); used > b.Out.Limit() {
		t.Errorf("%d of %d bytes are used", used, b.Out.Limit())
	}
}

// Strangers who only greet leave no connection for others. A newcomer takes the place of one of them.
func TestStrangersLeaveRoomForNewcomers(t *testing.T) {
	var log logged
	gate := listen.NewGate(10, "raise the limit", slog.New(slog.DiscardHandler))
	s, at := bound(t, Config{Type: Router, Answered: true, Gate: gate, Logger: log.logger()})
	senders := make([]*raw, 5)
	for i := range senders {
		senders[i] = peerRaw(t, at, "DEALER", 1)
		senders[i].say("\x00\x02hi")
		receiveOne(t, s)
	}
	for range 20 {
		peerRaw(t, at, "DEALER", 1)
	}
	for range 5 {
		r := peerRaw(t, at, "DEALER", 1)
		r.say("\x00\x03new")
		if got := receiveOne(t, s); got != "new" {
			t.Errorf("received %q", got)
		}
		r.Close()
	}
	for _, r := range senders {
		r.say("\x00\x05still")
		if got := receiveOne(t, s); got != "still" {
			t.Errorf("received %q", got)
		}
	}
	eventually(t, "the log to say it", func() bool { return log.count("all 10 connections are in use: raise the limit") > 0 })
}
