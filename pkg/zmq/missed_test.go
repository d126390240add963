package zmq

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmtp"
)

// Missed messages are announced once, before the next message that fits.
func TestOutboxAnnouncesMissedMessages(t *testing.T) {
	o := newOutbox(2)
	offer := func(body string, wantMissed uint64, wantFirst bool) {
		t.Helper()
		if missed, first := o.offer(one(body)); missed != wantMissed || first != wantFirst {
			t.Errorf("%s: %d missed, first: %v", body, missed, first)
		}
	}
	offer("a", 0, false)
	offer("b", 0, false)
	offer("c", 1, true)
	offer("d", 1, false)
	o.miss(3)
	if o.totalMissed() != 5 {
		t.Errorf("%d missed", o.totalMissed())
	}
	if got := sentFrames(t, o.writes().messages); got != "a b" {
		t.Errorf("sent %s", got)
	}
	offer("e", 0, false)
	offer("f", 0, false)
	offer("g", 1, false)
	if got := sentFrames(t, o.writes().messages); got != "[5] e f" {
		t.Errorf("sent %s", got)
	}
	o.replay(one("r"))
	offer("h", 0, false)
	if got := sentFrames(t, o.writes().messages); got != "[6] r h" {
		t.Errorf("sent %s", got)
	}
	if o.bytes != 0 || o.queued != 0 {
		t.Errorf("%d bytes and %d messages are queued at the end", o.bytes, o.queued)
	}
}

// A peer that does not know PING would take an announcement for a message.
func TestOutboxAnnouncesNothingToOldPeers(t *testing.T) {
	o := newOutbox(1)
	o.announces = false
	o.offer(one("a"))
	o.offer(one("b"))
	o.writes()
	o.offer(one("c"))
	if got := sentFrames(t, o.writes().messages); got != "c" {
		t.Errorf("sent %s", got)
	}
}

// A heartbeat announces missed messages unless it would overtake messages that were published before them.
func TestOutboxPings(t *testing.T) {
	o := newOutbox(1)
	pinged := func(want string) {
		t.Helper()
		o.ping()
		if got := sentFrames(t, o.take().control); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	const plain = "\x04PING\x00\x00"
	pinged(plain)
	o.offer(one("a"))
	o.offer(one("b"))
	pinged(plain)
	pinged("[1]")
}

// sentFrames returns the frames of a portion, with the number that an announcement holds in brackets: <n> if it is of
// lost messages.
func sentFrames(t *testing.T, wire []byte) string {
	t.Helper()
	var texts []string
	for len(wire) > 0 {
		flags, body, n, err := zmtp.DecodeFrame(wire, len(wire))
		if err != nil || n > len(wire) {
			t.Fatalf("%q is no frame: %v", wire, err)
		}
		text := string(body)
		if number, found := strings.CutPrefix(text, "\x04PING\x00\x00"+missedMark); found && flags == zmtp.Command {
			text = fmt.Sprintf("[%d]", binary.BigEndian.Uint64([]byte(number)))
		}
		if number, found := strings.CutPrefix(text, "\x04PING\x00\x00"+lostMark); found && flags == zmtp.Command {
			text = fmt.Sprintf("<%d>", binary.BigEndian.Uint64([]byte(number)))
		}
		texts = append(texts, text)
		wire = wire[n:]
	}
	return strings.Join(texts, " ")
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
