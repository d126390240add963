package zmq

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/curve"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmtp"
)

// What ends a connection in clear ends it when it is sealed, too: a client that was let in may still be hostile.
func TestSealedHostileFrames(t *testing.T) {
	b := newBoth(t)
	for _, frames := range hostile(t, "frames-refused") {
		t.Run(frames.Name, func(t *testing.T) {
			s, at, reason := down(t, b.asServer(Config{Type: Pull, MaxMessage: 1000}))
			i := b.enter(t, at, "PUSH")
			i.say(i.sealed("\x00\x06before"), i.sealedStart(string(frames.Bytes)))
			receiveUntil(t, s, "before")
			i.ended()
			if err := <-reason; err == nil {
				t.Error("no reason is given")
			}
		})
	}
}

// sealedStart seals the whole frames, and the beginning of one that is announced as longer than what there is of it.
func (i *insider) sealedStart(frames string) (sealed string) {
	rest := []byte(frames)
	for len(rest) > 0 {
		flags, body, n, err := zmtp.DecodeFrame(rest, math.MaxInt/2+1)
		if err != nil {
			return sealed + string(rest)
		}
		if n <= len(rest) && body != nil {
			sealed += i.sealed(string(zmtp.AppendFrame(nil, flags&(zmtp.More|zmtp.Command), body)))
			rest = rest[n:]
			continue
		}
		size := n - zmtp.HeaderSize(rest)
		if isCommand(rest) && size < 1<<20 { // what is a command is only known when all of it has come
			return sealed + i.sealed(string(zmtp.AppendFrame(nil, zmtp.Command, make([]byte, size))))
		}
		return sealed + longFrame(0, uint64(size+curve.Overhead)) + i.sealed("\x00\x01x")[2:]
	}
	return sealed
}

// What is odd in clear, but allowed, is allowed when it is sealed.
func TestSealedOddFrames(t *testing.T) {
	b := newBoth(t)
	for _, frames := range hostile(t, "frames-accepted") {
		t.Run(frames.Name, func(t *testing.T) {
			s, at := bound(t, b.asServer(Config{Type: Pull, MaxMessage: 1000}))
			i := b.enter(t, at, "PUSH")
			i.say(i.sealed(string(frames.Bytes), "\x00\x05after"))
			receiveUntil(t, s, "after")
		})
	}
}

// After the handshake nothing counts but MESSAGEs that the peer has sealed for this connection.
func TestNotSealedForThisConnection(t *testing.T) {
	b := newBoth(t)
	tests := map[string]func(i, other *insider) string{
		"a message in clear":            func(_, _ *insider) string { return "\x00\x05clear" },
		"a part in clear":               func(_, _ *insider) string { return "\x01\x05clear" },
		"an empty message in clear":     func(_, _ *insider) string { return "\x00\x00" },
		"PING in clear":                 func(_, _ *insider) string { return command("PING", "\x00\x00") },
		"ERROR in clear":                func(_, _ *insider) string { return command("ERROR", "\x03400") },
		"READY in clear":                func(_, _ *insider) string { return ready("PUSH") },
		"INITIATE again":                func(i, _ *insider) string { return handshakeCommand(i.initiate) },
		"another connection's INITIATE": func(_, other *insider) string { return handshakeCommand(other.initiate) },
		"another connection's MESSAGE":  func(_, other *insider) string { return other.sealed("\x00\x05other") },
		"a MESSAGE without a box":       func(_, _ *insider) string { return "\x00\x08\x07MESSAGE" },
		"a MESSAGE with an empty box":   func(i, _ *insider) string { return "\x00\x20" + i.sealed("\x00\x00")[2:34] },
		"our own MESSAGE": func(i, _ *insider) string {
			i.say(i.sealed(command("PING", "\x00\x00ctx")))
			return i.wholeFrame() // PONG
		},
	}
	for name, forge := range tests {
		t.Run(name, func(t *testing.T) {
			s, at, reason := down(t, b.asServer(Config{Type: Pull}))
			i, other := b.enter(t, at, "PUSH"), b.enter(t, at, "PUSH")
			i.say(i.sealed("\x00\x06before"))
			if got := receiveOne(t, s); got != "before" {
				t.Errorf("received %q", got)
			}
			i.say(forge(i, other))
			i.ended()
			<-reason
			other.say(other.sealed("\x00\x05still"))
			if name == "another connection's MESSAGE" {
				return // its number is used up
			}
			if got := receiveOne(t, s); got != "still" {
				t.Errorf("received %q from the other connection", got)
			}
		})
	}
}

// Commands are in MESSAGEs: PING is answered by a sealed PONG.
func TestSealedPing(t *testing.T) {
	b := newBoth(t)
	_, at := bound(t, b.asServer(Config{Type: Pull}))
	i := b.enter(t, at, "PUSH")
	for n := range 3 {
		context := fmt.Sprint("context", n)
		i.say(i.sealed(command("PING", "\x00\x00"+context)))
		if flags, body := i.opened(); flags != zmtp.Command || body != "\x04PONG"+context {
			t.Errorf("answered with flags %d, %q", flags, body)
		}
	}
}

// The bytes may come in any pieces, the handshake's, too; and as many at once as one likes.
func TestSealedPieces(t *testing.T) {
	b := newBoth(t)
	s, at := bound(t, b.asServer(Config{Type: Pull, HWM: 1 << 16}))
	push := connected(t, b.asClient(Config{Type: Push}), inPieces(t, at, fromClient, nil, 1).at)
	for n := range 20 {
		if err := push.Send(soon(t), fmt.Append(nil, "piece ", n), make([]byte, n)); err != nil {
			t.Fatal(err)
		}
	}
	for n, got := range receive(t, s, 20) {
		if want := fmt.Sprint("piece ", n, "|", strings.Repeat("\x00", n)); got != want {
			t.Errorf("received %q, want %q", got, want)
		}
	}
	i := b.enter(t, at, "PUSH")
	const many = 50_000
	var all strings.Builder
	for n := range many {
		text := fmt.Sprint(n)
		all.WriteString("\x00" + string([]byte{byte(len(text))}) + text)
	}
	sealed := i.sealed(all.String())
	go i.Write([]byte(sealed)) //nolint:errcheck // the test fails, too
	for n, got := range receive(t, s, many) {
		if got != fmt.Sprint(n) {
			t.Fatalf("received %q, want %d", got, n)
		}
	}
}

// A message of more than MaxMessage bytes is cut, whatever part of it is too long; far too long ones end the connection
// at once, before they have come.
func TestSealedLongMessages(t *testing.T) {
	b := newBoth(t)
	s, at, reason := down(t, b.asServer(Config{Type: Pull, MaxMessage: 20_000}))
	i := b.enter(t, at, "PUSH")
	long := strings.Repeat("x", 50_000)
	i.say(i.sealed("\x01\x01t"+longFrame(0, 50_000)+long, "\x00\x05after"))
	got := receive(t, s, 2)
	if want := "t|" + long[:19_999]; got[0] != want || got[1] != "after" || s.Truncated() != 1 {
		t.Errorf("received %d bytes, %q; %d were cut", len(got[0]), got[1], s.Truncated())
	}
	altered := i.sealed(longFrame(0, 50_000) + long)
	i.say(altered[:len(altered)-1] + string([]byte{altered[len(altered)-1] ^ 1}))
	i.ended()
	if err := <-reason; err == nil || s.Truncated() != 1 {
		t.Errorf("a cut one that was altered at its end: %v, %d were cut", err, s.Truncated())
	}
	i = b.enter(t, at, "PUSH")
	i.say(longFrame(0, 17<<20) + i.sealed("\x00\x01x")[2:])
	i.ended()
	if err := <-reason; err == nil || !strings.Contains(err.Error(), "--max-message-size") {
		t.Errorf("17 MiB: %v", err)
	}
}

// Numbers rise by one in both directions, and begin again on each connection; its keys are new each time.
func TestNothingIsUsedTwice(t *testing.T) {
	b := newBoth(t)
	pub, at := bound(t, b.asServer(Config{Type: XPub}))
	seen := map[string]bool{}
	for range 3 {
		m := between(t, at, fromClient, nil)
		sub := connected(t, b.asClient(Config{Type: XSub, Subscribe: []string{"t"}}), m.at)
		subscribed(t, pub, "t", true)
		for range 5 {
			pub.Publish([]byte("topic"), []byte("the same each time"))
			pub.Flush()
			receiveOne(t, sub)
		}
		for range 5 {
			m.beat(t, []*Socket{pub, sub})
		}
		closeNow(sub)
		peers(t, pub, 0)
		for way, first := range []uint64{3, 2} {
			for n, frame := range m.frames(way)[2:] {
				body := frame[zmtp.HeaderSize(frame):]
				if got := binary.BigEndian.Uint64(body[8:]); got != first+uint64(n) {
					t.Errorf("direction %d: MESSAGE %d has number %d", way, n, got)
				}
				if box := string(body[16:]); seen[box] {
					t.Error("a box occurs twice")
				} else {
					seen[box] = true
				}
			}
		}
		hello, welcome := m.passed(fromClient)[64+2+80:][:32], m.passed(fromServer)[64+2+8:][:16]
		for _, once := range [][]byte{hello, welcome} {
			if seen[string(once)] {
				t.Error("a transient key or a nonce occurs twice")
			}
			seen[string(once)] = true
		}
	}
}

// One key at both ends is allowed, and does no harm.
func TestOneKeyAtBothEnds(t *testing.T) {
	keys := newKeys(t)
	b := both{keys, keys}
	s, at := bound(t, b.asServer(Config{Type: Pull}))
	push := connected(t, b.asClient(Config{Type: Push}), at)
	if err := push.Send(soon(t), []byte("to itself")); err != nil {
		t.Fatal(err)
	}
	if got := receiveOne(t, s); got != "to itself" {
		t.Errorf("received %q", got)
	}
}

// Metadata is bounded, and a client whose metadata is refused is told nothing.
func TestHostileMetadata(t *testing.T) {
	b := newBoth(t)
	s, at := bound(t, b.asServer(Config{Type: Pull}))
	push := property("Socket-Type", "PUSH")
	for name, metadata := range map[string]string{
		"none": "", "no socket type": property("X-Any", "x"), "another pattern": property("Socket-Type", "PUB"),
		"8 KiB": push + property("X-Long", strings.Repeat("x", 8<<10)), "cut": push + "\x05X",
		"a long value announced": push + "\x01x\xff\xff\xff\xff", "a name without bytes": push + "\x00\x00\x00\x00\x00",
		"an identity of 256 bytes": push + property("Identity", strings.Repeat("i", 256)),
	} {
		k := b.knock(t, at, metadata)
		if rest := k.ended(); rest != "" {
			t.Errorf("%s: answered with %d bytes", name, len(rest))
		}
	}
	i := b.knock(t, at, push+property("X-Long", strings.Repeat("x", 7<<10)))
	i.finish(t)
	i.say(i.sealed("\x00\x04much"))
	if got := receiveOne(t, s); got != "much" {
		t.Errorf("received %q", got)
	}
}

// Whoever is refused learns nothing but that: not whether the key that he claims to have is known.
func TestRefusedLearnNothing(t *testing.T) {
	b := newBoth(t)
	_, at := bound(t, b.asServer(Config{Type: Pull}))
	stranger, thief := newKeys(t), newKeys(t)
	thief.Public = b.client.Public // a known key, without its secret
	other := newKeys(t)
	liar := newKeys(t)
	liar.Public = other.Public // an unknown one, without its secret
	var heard []string
	for _, keys := range []curve.KeyPair{stranger, thief, liar} {
		for _, metadata := range []string{property("Socket-Type", "PUSH"), property("Socket-Type", "PULL"), "", "\x01"} {
			k := both{keys, b.server}.knock(t, at, metadata)
			rest, err := io.ReadAll(k)
			heard = append(heard, fmt.Sprintf("%q, %v", rest, err))
		}
	}
	slices.Sort(heard)
	if heard[0] != heard[len(heard)-1] || heard[0] != `"", <nil>` {
		t.Errorf("they hear %q", heard)
	}
}
