package zmq

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
)

// down makes a socket that reports why connections end.
func down(t *testing.T, cfg Config) (s *Socket, at string, reason chan error) {
	reason = make(chan error, 16)
	cfg.OnDown = func(_ *Peer, err error) { reason <- err }
	s, at = bound(t, cfg)
	return s, at, reason
}

func TestHostileFramesEndTheConnection(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, frames := range hostile(t, "frames-refused") {
		t.Run(frames.Name, func(t *testing.T) {
			s, at, reason := down(t, Config{Type: Pull, MaxMessage: 1000})
			r := peerRaw(t, at, "PUSH", 1)
			r.say("\x00\x06before", string(frames.Bytes))
			receiveUntil(t, s, "before")
			r.ended()
			if err := <-reason; err == nil {
				t.Error("no reason is given")
			}
		})
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 64<<20 {
		t.Errorf("they have used %d bytes of memory", used)
	}
}

// What is odd, but allowed, ends nothing.
func TestOddFramesAreBorne(t *testing.T) {
	for _, frames := range hostile(t, "frames-accepted") {
		t.Run(frames.Name, func(t *testing.T) {
			s, at := bound(t, Config{Type: Pull, MaxMessage: 1000})
			peerRaw(t, at, "PUSH", 1).say(string(frames.Bytes), "\x00\x05after")
			receiveUntil(t, s, "after")
		})
	}
}

func TestReasonsAreGiven(t *testing.T) {
	tests := map[string]string{
		longFrame(0, 1<<40):                      "--max-message-size",
		command("ERROR", "\x04oops"):             `"oops"`,
		strings.Repeat("\x01\x00", 2048):         "1024 frames",
		command("SUBSCRIBE", "") + "\x00\x00":    "PULL",
		longFrame(4, 1<<40) + "\x00\x00\x00":     "8192",
		longFrame(1, 1<<20) + "\x00\x00\x00\x00": "",
	}
	_, at, reason := down(t, Config{Type: Pull})
	for bytes, want := range tests {
		r := peerRaw(t, at, "PUSH", 1)
		r.say(bytes)
		if want == "" {
			r.Close() // the stream ends inside a message, which is discarded
			want = "EOF"
		}
		if err := <-reason; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v, want %s", bytes, err, want)
		}
	}
}

// What is just within the limits is accepted.
func TestLimitsAreInclusive(t *testing.T) {
	s, at := bound(t, Config{Type: Pull, MaxMessage: 1000})
	r := peerRaw(t, at, "PUSH", 1)
	r.say(longFrame(1, 600), strings.Repeat("x", 600), command("PING", "\x00\x00"),
		longFrame(1, 400), strings.Repeat("y", 400), command("PING", "\x00\x00context beyond"), "\x00\x00")
	if got := receiveOne(t, s); got != strings.Repeat("x", 600)+"|"+strings.Repeat("y", 400)+"|" {
		t.Errorf("received %q", got)
	}
	r.say(strings.Repeat("\x01\x00", 1023), "\x00\x00")
	if got := receiveOne(t, s); got != strings.Repeat("|", 1023) {
		t.Errorf("received %q", got)
	}
	r.say(longFrame(4, maxCommand), "\x07UNKNOWN", strings.Repeat("x", maxCommand-8), longFrame(0, 2), "ok")
	if got := receiveOne(t, s); got != "ok" {
		t.Errorf("received %q", got)
	}
}

func TestPingIsAnswered(t *testing.T) {
	s, at := bound(t, Config{Type: Pull})
	r := peerRaw(t, at, "PUSH", 1)
	tests := []struct{ name, data, want string }{
		{"without a context", "\x00\x00", ""},
		{"16 bytes", "\xff\xff0123456789abcdef", "0123456789abcdef"},
		{"17 bytes", "\x00\x000123456789abcdefg", "0123456789abcdef"},
		{"no time-to-live", "", ""},
	}
	for _, test := range tests {
		r.say(command("PING", test.data))
		if flags, body := r.frame(); flags != 4 || body != "\x04PONG"+test.want {
			t.Errorf("%s: answered with flags %d, %q", test.name, flags, body)
		}
	}
	if s.TryRecv() != nil {
		t.Error("a PING was received as a message")
	}
}

// libzmq injects a PING anywhere between two frames. The message's bytes are parsed again as more arrive; the
// PING is answered once.
func TestPingInsideAMessageIsAnsweredOnce(t *testing.T) {
	s, at := bound(t, Config{Type: Pull})
	r := peerRaw(t, at, "PUSH", 1)
	three := command("PING", "\x00\x00three")
	parts := []string{"\x01\x05first", command("PING", "\x00\x00one"), "\x01\x00", "\x01\x03th", "e",
		command("PING", "\x00\x00two"), longFrame(1, 5000), strings.Repeat("x", 2500), strings.Repeat("x", 2500),
		three[:5], three[5:]}
	for _, part := range parts {
		r.say(part)
		if strings.HasSuffix(part, "one") || strings.HasSuffix(part, "two") || strings.HasSuffix(part, "three") {
			_, pong := r.frame() // so that the next part arrives with a read of its own
			if !strings.HasPrefix(pong, "\x04PONG") || !strings.HasSuffix(part, pong[5:]) {
				t.Errorf("%q after %q", pong, part)
			}
		}
	}
	r.say("\x00\x04last")
	if got, want := receiveOne(t, s), "first||the|"+strings.Repeat("x", 5000)+"|last"; got != want {
		t.Errorf("received %q", got)
	}
	r.say(command("PING", "\x00\x00end"))
	if _, pong := r.frame(); pong != "\x04PONGend" {
		t.Errorf("%q: a PING was answered twice", pong)
	}
}

// A peer that floods us with PING and reads no answer costs a limited amount of memory.
func TestPingFlood(t *testing.T) {
	up := make(chan *Peer, 1)
	s, at := bound(t, Config{Type: Pull, OnUp: func(p *Peer) { up <- p }})
	r := peerRaw(t, at, "PUSH", 1)
	p := <-up
	flood := strings.Repeat(command("PING", "\x00\x000123456789abcdef"), 1000)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 1000 { // 25 MB, several times what the kernel buffers
		r.say(flood)
	}
	r.say("\x00\x05after")
	if got := receiveOne(t, s); got != "after" {
		t.Errorf("received %q", got)
	}
	p.outbox.mu.Lock()
	waiting := cap(p.outbox.control)
	p.outbox.mu.Unlock()
	runtime.GC()
	runtime.ReadMemStats(&after)
	if waiting > 2*maxControl || after.HeapAlloc > before.HeapAlloc+8<<20 {
		t.Errorf("%d bytes of answers wait; the heap has grown from %d to %d bytes",
			waiting, before.HeapAlloc, after.HeapAlloc)
	}
}

// Messages of all sizes arrive, whatever the pieces that they are sent in.
func TestMessagesInPieces(t *testing.T) {
	s, at := bound(t, Config{Type: Pull, HWM: 7})
	r := peerRaw(t, at, "PUSH", 1)
	random := rand.New(rand.NewPCG(1, 2))
	var wire, want []byte
	for i := range 400 {
		size := random.IntN(3000)
		if i%50 == 0 {
			size = maxBlock + random.IntN(5*maxBlock)
		}
		body := bytes.Repeat([]byte{byte(i)}, size)
		want = fmt.Appendf(want, "%d %d\n", i%256, size)
		wire = append(wire, longFrame(1, 0)+longFrame(0, uint64(size))...)
		wire = append(wire, body...)
	}
	go func() {
		for rest := wire; len(rest) > 0; {
			n := min(1+random.IntN(1+random.IntN(200_000)), len(rest))
			if _, err := r.Write(rest[:n]); err != nil {
				return // the test has failed
			}
			rest = rest[n:]
		}
	}()
	var got []byte
	for n := 0; n < 400; {
		b, err := s.Recv(soon(t))
		if err != nil {
			t.Fatal(err)
		}
		if b.Len() > 7 {
			t.Errorf("a batch of %d messages", b.Len())
		}
		for i := range b.Len() {
			frames := b.Frames(i)
			if len(frames) != 2 || len(frames[0]) != 0 || bytes.Count(frames[1], []byte{byte(n)}) != len(frames[1]) {
				t.Fatalf("message %d is not what was sent", n)
			}
			got = fmt.Appendf(got, "%d %d\n", n%256, len(frames[1]))
			n++
		}
		b.Release()
	}
	if !bytes.Equal(got, want) {
		t.Errorf("received\n%s\nwant\n%s", got, want)
	}
}
