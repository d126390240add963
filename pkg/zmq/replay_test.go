package zmq

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmtp"
)

// Replays do not count towards the limits, and have one of their own.
func TestOutboxReplaysInAdditionToItsLimits(t *testing.T) {
	o := newOutbox(10)
	for i := range 25 {
		if !o.replay(one("r")) {
			t.Fatalf("replay %d was not accepted", i)
		}
	}
	if o.replayRoom() != maxQueueBytes-25*3 {
		t.Errorf("room for %d bytes", o.replayRoom())
	}
	if n := o.accepts("m"); n != 10 {
		t.Errorf("%d messages were accepted", n)
	}
	o.writes()
	if o.replayRoom() != maxQueueBytes || o.accepts("m") != 10 {
		t.Errorf("room for %d bytes when all was written", o.replayRoom())
	}
}

func TestOutboxLimitsReplaysInBytes(t *testing.T) {
	o := newOutbox(10)
	long := strings.Repeat("x", maxQueueBytes-zmtp.MaxHeader-1)
	if !o.replay(one(long)) || o.replayRoom() != 1 || !o.replay(one(long)) || o.replayRoom() > 0 || o.replay(one("r")) {
		t.Errorf("room for %d bytes", o.replayRoom())
	}
	if n := o.accepts("m"); n != 10 {
		t.Errorf("%d messages were accepted in addition", n)
	}
	o.writes()
	o.accepts(strings.Repeat("x", maxQueueBytes))
	if !o.replay(one("r")) {
		t.Error("a full outbox accepts no replay")
	}
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
