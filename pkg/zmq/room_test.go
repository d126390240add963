package zmq

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/budget"
)

// most is the longest message of these tests, in bytes. least is a budget in which few of them fit.
const (
	most  = 1 << 20
	least = 16 << 20
)

// inUse returns how many bytes of memory are in use.
func inUse() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// begin sends all but the last byte of a long message, without waiting until it is read.
func (r *raw) begin() {
	r.mayEnd = true
	go r.say(longFrame(0, most), strings.Repeat("x", most-1))
}

// Unfinished messages of strangers have a bound, and hold up nobody: one that has sent something before is served,
// whatever the length of its messages.
func TestUnfinishedMessagesAreBounded(t *testing.T) {
	const strangers = 60
	var log logged
	b := budget.New(least, 0)
	s, at := bound(t, Config{Type: Router, Budget: b, Logger: log.logger()})
	sender := peerRaw(t, at, "DEALER", 1)
	sender.say("\x00\x02hi")
	receive(t, s, 1)
	before := inUse()
	for range strangers {
		peerRaw(t, at, "DEALER", 1).begin()
	}
	eventually(t, "strangers that wait", func() bool { return log.count("a message waits for memory") > 0 })
	if used := inUse() - before; used > least || b.In.Used() > least/4 {
		t.Errorf("%d bytes are in use, %d of %d are counted", used, b.In.Used(), least/4)
	}
	for range 3 {
		sender.say(longFrame(0, most), strings.Repeat("y", most))
		if got := receive(t, s, 1); len(got[0]) != most || got[0][0] != 'y' {
			t.Errorf("received %.10q", got)
		}
	}
}

// A stranger whose unfinished message does not go on makes room for one that waits. One that waits may be dropped, too,
// but comes back.
func TestStrangersMakeRoomForEachOther(t *testing.T) {
	var log logged
	s, at := bound(t, Config{Type: Pull, Budget: budget.New(least, 0), Logger: log.logger()})
	for range 3 {
		peerRaw(t, at, "PUSH", 1).begin()
	}
	eventually(t, "strangers that wait", func() bool { return log.count("a message waits for memory") > 0 })
	var arrived atomic.Bool
	go func() {
		for !arrived.Load() {
			r := peerRaw(t, at, "PUSH", 1)
			r.mayEnd = true
			r.say(longFrame(0, most), strings.Repeat("y", most))
			io.Copy(io.Discard, r) //nolint:errcheck // until it is dropped, or the end
		}
	}()
	if got := receive(t, s, 1); got[0][0] != 'y' {
		t.Errorf("received %.10q", got)
	}
	arrived.Store(true)
	eventually(t, "the log to name one that had to go", func() bool { return log.count("peer dropped") > 0 })
}

// While nothing receives, all senders wait and none is dropped. Afterwards everything arrives.
func TestStalledReceiverDropsNobody(t *testing.T) {
	const senders, each = 12, 3
	var log logged
	b := budget.New(least, 0)
	s, at := bound(t, Config{Type: Pull, Budget: b, Logger: log.logger(), Heartbeat: beat})
	var peers []*raw
	for range senders {
		r := peerRaw(t, at, "PUSH", 1)
		r.say("\x00\x05first")
		receive(t, s, 1)
		peers = append(peers, r)
	}
	for i, r := range peers {
		go func() {
			for range each {
				r.say(longFrame(0, most), strings.Repeat(string(rune('a'+i)), most))
			}
		}()
	}
	eventually(t, "messages that wait", func() bool { return log.count("a message waits for memory") > 0 })
	if used := b.In.Used(); used > least/4 {
		t.Errorf("%d of %d bytes are used", used, least/4)
	}
	got := make(map[byte]int)
	for range senders * each {
		got[receive(t, s, 1)[0][0]]++
	}
	for i := range senders {
		if n := got[byte('a'+i)]; n != each {
			t.Errorf("%d messages of sender %d", n, i)
		}
	}
	if log.count("dropped") > 0 {
		t.Errorf("a sender was dropped: %s", log.text.String())
	}
}

// A connection that has nothing to do gives its memory back.
func TestIdleConnectionsHoldNothing(t *testing.T) {
	b := budget.New(least, 0)
	s, at := bound(t, Config{Type: Router, Budget: b})
	r := peerRaw(t, at, "DEALER", 1)
	for range 100 {
		r.say(longFrame(0, 100_000), strings.Repeat("x", 100_000))
		batch, err := s.Recv(soon(t))
		if err != nil {
			t.Fatal(err)
		}
		for !batch.Peer().Send([]byte(strings.Repeat("y", 100_000))) {
			t.Fatal("it is not answered")
		}
		batch.Release()
		r.hear(9 + 100_000)
	}
	eventually(t, "the memory to come back", func() bool { return b.In.Used() == 0 && b.Out.Used() == 0 })
	if s.Peers() != 1 {
		t.Error("the peer is gone")
	}
}

// A socket that only sends is sent short commands. What else a peer sends has no room.
func TestLongUpstreamMessages(t *testing.T) {
	for typ, peer := range map[Type]string{Pub: "SUB", XPub: "SUB", Push: "PULL"} {
		b := budget.New(least, 0)
		_, at := bound(t, Config{Type: typ, Budget: b})
		short := peerRaw(t, at, peer, 1)
		short.say("\x00\x05other", longFrame(0, 8000), strings.Repeat("x", 8000), command("PING", "\x00\x00ctx"))
		if _, pong := short.frame(); pong != "\x04PONGctx" {
			t.Errorf("%s: heard %q after something short", typ, pong)
		}
		long := peerRaw(t, at, peer, 1)
		long.say(longFrame(0, 1<<19), "x")
		if heard := long.ended(); heard != "" {
			t.Errorf("%s: heard %q", typ, heard)
		}
	}
}

// When the memory for prefixes is used up, those go that have most of them.
func TestGreedySubscribersGo(t *testing.T) {
	var log logged
	b := budget.New(least, 0)
	s, at := bound(t, Config{Type: XPub, Budget: b, Logger: log.logger()})
	modest := peerRaw(t, at, "SUB", 1)
	modest.say(command("SUBSCRIBE", "m"))
	subscribed(t, s, "m", true)
	for i := range 10 {
		r := peerRaw(t, at, "SUB", 1)
		r.mayEnd = true
		go func() {
			for k := range 4000 {
				r.say(command("SUBSCRIBE", fmt.Sprintf("%d.%08d", i, k)))
			}
		}()
	}
	eventually(t, "one to be dropped", func() bool { return log.count("--max-memory") > 0 })
	for range 3 {
		other := peerRaw(t, at, "SUB", 1)
		other.say(command("SUBSCRIBE", "other"))
		reads(t, s, "other", 1)
		s.Publish([]byte("other"))
		s.Flush()
		if _, got := other.frame(); got != "other" {
			t.Errorf("a newcomer hears %q", got)
		}
		other.Close()
		reads(t, s, "other", 0)
	}
	s.Publish([]byte("message"))
	s.Flush()
	if _, got := modest.frame(); got != "message" {
		t.Errorf("heard %q", got)
	}
	if used := b.Prefixes.Used(); used > b.Prefixes.Limit()+prefixSlack {
		t.Errorf("%d of %d bytes are used", used, b.Prefixes.Limit())
	}
}

// prefixSlack is what those that are dropped may hold until they have ended.
const prefixSlack = 10 * 5000 * 600

// reads waits until each message with the topic has a number of readers.
func reads(t *testing.T, s *Socket, topic string, n int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d that read %s", n, topic), func() bool {
		s.audience.mu.Lock()
		defer s.audience.mu.Unlock()
		return len(s.audience.index.Of([]byte(topic)).Members) == n
	})
}
