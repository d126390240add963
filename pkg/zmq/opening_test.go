package zmq

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/curve"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmtp"
)

// seal returns the frames in wire, as far as they are whole, sealed by the one session; and in clear.
func seal(s *curve.Session, wire []byte) (sealed, clear []byte) {
	for rest := wire; ; {
		flags, body, n, err := zmtp.DecodeFrame(rest, math.MaxInt)
		if err != nil || n > len(rest) {
			break
		}
		if flags &= zmtp.More | zmtp.Command; flags&zmtp.Command != 0 {
			flags = zmtp.Command
		}
		sealed = curve.AppendFrame(sealed, flags, body)
		clear = zmtp.AppendFrame(clear, flags, body)
		rest = rest[n:]
	}
	for rest := sealed; len(rest) > 0; {
		n, err := s.Sealer.Seal(rest, 1<<14)
		if err != nil {
			panic(err)
		}
		rest = rest[n:]
	}
	return sealed, clear
}

// sameSealed compares what a receiver makes of a stream that is sealed with what it makes of the same in clear.
func sameSealed(t *testing.T, name string, wire, sizes []byte, atOnce, cuts bool) fed {
	t.Helper()
	client, server := curve.TestSessions()
	sealed, clear := seal(client, wire)
	want, _ := feed(clear, nil, true, cuts)
	r := testReceiver()
	r.sealed = newOpening(&server.Opener)
	got, most := feedTo(r, sealed, sizes, atOnce, cuts)
	if (got.err == nil) != (want.err == nil) {
		t.Fatalf("%s in pieces of %q: %v; in clear: %v", name, sizes, got.err, want.err)
	}
	got.err, want.err = nil, nil
	if !got.equal(want) {
		t.Fatalf("%s in pieces of %q: %d messages, %d commands, cuts %v; in clear %d, %d, %v", name, sizes,
			len(got.messages), len(got.commands), got.cuts, len(want.messages), len(want.commands), want.cuts)
	}
	if most > maxBlock {
		t.Fatalf("%s: a block of %d bytes for messages of at most 4 KiB", name, most)
	}
	return got
}

func TestSealedIsReceivedAsClear(t *testing.T) {
	ping := command("PING", "\x00\x00ctx")
	interrupted := "\x01\x01a" + ping + "\x01\x00" + ping + ping + longFrame(0, 3000) + strings.Repeat("x", 3000)
	streams := map[string]string{
		"messages":  strings.Repeat("\x00\x05hello", 3000),
		"multipart": strings.Repeat("\x01\x01a\x01\x00\x00\x02bc", 1000),
		"long":      strings.Repeat(longFrame(0, 4096)+strings.Repeat("l", 4096), 40),
		"two long":  strings.Repeat(longFrame(1, 4000)+strings.Repeat("t", 4000)+longFrame(0, 5000)+strings.Repeat("é", 2500), 9),
		"pings":     strings.Repeat(interrupted, 60),
		"between":   strings.Repeat(ping+"\x00\x01m", 2000),
		"cut":       strings.Repeat("\x00\x01m"+longFrame(0, 20_000)+strings.Repeat("é", 10_000)+"\x00\x01n"+ping, 10),
		"cut topic": strings.Repeat(longFrame(1, 5000)+strings.Repeat("t", 5000)+ping+"\x00\x01m", 30),
		"cut three": strings.Repeat(longFrame(1, 9000)+strings.Repeat("t", 9000)+"\x01\x01m"+longFrame(0, 9000)+
			strings.Repeat("u", 9000), 30),
		"last fits": strings.Repeat(longFrame(0, 4097)+strings.Repeat("u", 4097)+longFrame(0, 8193)+strings.Repeat("v", 8193), 9),
	}
	for name, stream := range streams {
		for _, sizes := range []string{"", "\x00", "\x01", "\x00\x01\x02\x03\x05\x07", "\x10\x3f\x40", "\xff"} {
			for _, atOnce := range []bool{true, false} {
				got := sameSealed(t, name, []byte(stream), []byte(sizes), atOnce, true)
				if len(got.messages) == 0 {
					t.Fatalf("%s: nothing was received", name)
				}
				sameSealed(t, name, []byte(stream), []byte(sizes), atOnce, false)
			}
		}
	}
}

func FuzzSealedReceiver(f *testing.F) {
	needSeeds(f)
	f.Fuzz(func(t *testing.T, wire, sizes []byte) {
		for _, cuts := range []bool{true, false} {
			sameSealed(t, "fuzzed", wire, sizes, len(sizes)%2 == 0, cuts)
		}
	})
}

// Whatever is altered in a sealed stream, nothing comes out but what was sealed before it, and the connection ends.
func FuzzAlteredStream(f *testing.F) {
	needSeeds(f)
	f.Fuzz(func(t *testing.T, at uint16, with, sizes []byte) {
		alteredStream(t, int(at), with, sizes)
	})
}

func TestAlteredStream(t *testing.T) {
	for at := range 1200 {
		alteredStream(t, at, []byte{0xa5}, []byte{byte(at)})
	}
}

func alteredStream(t *testing.T, at int, with, sizes []byte) {
	t.Helper()
	client, server := curve.TestSessions()
	var clear []byte
	var messages []string
	for i := range 20 {
		messages = append(messages, fmt.Sprintf("message|%d", i))
		clear = zmtp.AppendMessage(clear, []byte("message"), fmt.Append(nil, i))
	}
	sealed, _ := seal(client, clear)
	at %= len(sealed)
	altered := slices.Concat(sealed[:at], with, sealed[min(len(sealed), at+len(with)):])
	r := testReceiver()
	r.sealed = newOpening(&server.Opener)
	got, _ := feedTo(r, altered, sizes, true, true)
	if !slices.Equal(got.messages, messages[:len(got.messages)]) || len(got.commands) > 0 {
		t.Fatalf("altered at %d: received %q, %q", at, got.messages, got.commands)
	}
	if whole := wholeUntil(sealed, altered); len(got.messages) > whole {
		t.Fatalf("altered at %d, in message %d: received %d", at, whole, len(got.messages))
	}
}

// wholeUntil returns how many messages of two frames precede the first byte that was altered. The flags outside the box
// mean nothing but the form of the header.
func wholeUntil(sealed, altered []byte) (messages int) {
	for frames, at := 0, 0; at < len(sealed); frames++ {
		end := at + zmtp.HeaderSize(sealed[at:]) + zmtp.BodySize(sealed[at:])
		if (sealed[at]^altered[at])&2 != 0 || !bytes.Equal(sealed[at+1:end], altered[at+1:end]) {
			return frames / 2
		}
		at = end
	}
	return math.MaxInt
}
