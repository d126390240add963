package curve

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"golang.org/x/crypto/nacl/secretbox"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmtp"
)

// pair returns both ends' sessions of one key.
func pair() (client, server *Session, shared *[32]byte) {
	shared = new([32]byte)
	copy(shared[:], "a key that both ends have shared")
	return newSession(shared, false, 2, 1), newSession(shared, true, 1, 2), shared
}

// text returns n bytes that differ.
func text(n int) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(1, uint64(n)))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// lengths are those around which something changes: blocks of the key stream, its runs, the form of the header.
func lengths() (all []int) {
	for n := range 900 {
		all = append(all, n)
	}
	return append(all, 4095, 4096, 4097, 65_535, 65_536, 70_001, 1<<20)
}

// What is sealed here is what golang.org/x/crypto/nacl/secretbox seals, for every length, and the other way round.
func TestBoxesAreNaCls(t *testing.T) {
	client, server, shared := pair()
	for i, n := range lengths() {
		body := text(n)
		wire := AppendFrame(nil, zmtp.More, body)
		seal(t, &client.Sealer, wire)
		_, message, _, err := zmtp.DecodeFrame(wire, math.MaxInt)
		if err != nil {
			t.Fatal(err)
		}
		var nonce [24]byte
		copy(nonce[:], "CurveZMQMESSAGEC")
		binary.BigEndian.PutUint64(nonce[16:], uint64(3+i))
		want := append([]byte("\x07MESSAGE"), nonce[16:]...)
		want = secretbox.Seal(want, append([]byte{1}, body...), &nonce, shared)
		if !bytes.Equal(message, want) {
			t.Fatalf("%d bytes: sealed in another way than NaCl's", n)
		}
		flags, got, err := server.Opener.Open(want)
		if err != nil || flags != zmtp.More || !bytes.Equal(got, body) {
			t.Fatalf("%d bytes: flags %d, %v", n, flags, err)
		}
	}
}

func TestSealInBatches(t *testing.T) {
	client, server, _ := pair()
	var clear []byte
	for n := range 600 {
		clear = zmtp.AppendMessage(clear, text(n), nil, text(3*n))
		clear = zmtp.AppendPing(clear)
	}
	sealed := AppendFrames(nil, clear)
	for rest := sealed; len(rest) > 0; {
		n, err := client.Sealer.Seal(rest, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if n > 1000 && n > zmtp.HeaderSize(rest)+zmtp.BodySize(rest) {
			t.Fatalf("a portion of %d bytes", n)
		}
		rest = rest[n:]
	}
	var got []byte
	for rest := sealed; len(rest) > 0; {
		outer, message, n, err := zmtp.DecodeFrame(rest, math.MaxInt)
		if err != nil || outer != 0 {
			t.Fatalf("outer flags %d, %v", outer, err)
		}
		flags, body, err := server.Opener.Open(message)
		if err != nil {
			t.Fatal(err)
		}
		got, rest = zmtp.AppendFrame(got, flags, body), rest[n:]
	}
	if !bytes.Equal(got, clear) {
		t.Error("what was opened is not what was sealed")
	}
}

func seal(t testing.TB, s *Sealer, wire []byte) {
	if n, err := s.Seal(wire, math.MaxInt); n != len(wire) || err != nil {
		t.Fatalf("%d of %d bytes are sealed, %v", n, len(wire), err)
	}
}

// message returns the body of a sealed frame.
func message(t testing.TB, s *Sealer, body []byte) []byte {
	wire := AppendFrame(nil, 0, body)
	seal(t, s, wire)
	return wire[zmtp.HeaderSize(wire):]
}

func TestForgedMessages(t *testing.T) {
	client, server, _ := pair()
	first, second := message(t, &client.Sealer, []byte("first")), message(t, &client.Sealer, []byte("second"))
	open := func(of []byte) error {
		_, _, err := server.Opener.Open(bytes.Clone(of))
		return err
	}
	for i := range first {
		for bit := range 8 {
			altered := bytes.Clone(first)
			altered[i] ^= 1 << bit
			if open(altered) == nil {
				t.Fatalf("bit %d of byte %d can be altered", bit, i)
			}
		}
		if open(first[:i]) == nil {
			t.Fatalf("cut to %d bytes, it is accepted", i)
		}
	}
	if open(append(bytes.Clone(first), 0)) == nil {
		t.Error("a byte can be appended")
	}
	if _, _, err := client.Opener.Open(bytes.Clone(first)); err == nil {
		t.Error("its own sender accepts it: both directions have one key")
	}
	refused := func(name string, of []byte) {
		t.Helper()
		if open(of) == nil {
			t.Errorf("%s, it is accepted", name)
		}
	}
	refused("without the one before it", second)
	if err := open(first); err != nil {
		t.Fatal(err)
	}
	refused("sent again", first)
	if err := open(second); err != nil {
		t.Fatal(err)
	}
	refused("sent again", second)
	refused("out of order", first)
}

// A connection ends when a MESSAGE has had the highest number, on either side: none is ever used twice.
func TestNumbersRunOut(t *testing.T) {
	client, server, _ := pair()
	client.Sealer.counter, server.Opener.counter = math.MaxUint64-2, math.MaxUint64-2
	wire := AppendMessage(nil, []byte("last but one"), []byte("last"), []byte("too many"))
	clear := bytes.Clone(wire)
	n, err := client.Sealer.Seal(wire, math.MaxInt)
	if want := len(AppendMessage(nil, []byte("last but one"), []byte("last"))); n != want || err == nil {
		t.Errorf("%d bytes are sealed, %v, want %d", n, err, want)
	}
	if !bytes.Equal(wire[n:], clear[n:]) {
		t.Error("what has no number was sealed")
	}
	for rest := wire[:n]; len(rest) > 0; {
		_, message, n, _ := zmtp.DecodeFrame(rest, math.MaxInt)
		if _, _, err := server.Opener.Open(message); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	for range 2 {
		if n, err := client.Sealer.Seal(wire[n:], math.MaxInt); n != 0 || err == nil {
			t.Errorf("%d bytes more are sealed, %v", n, err)
		}
	}
	text := []byte("\x00again from the beginning")
	tag := client.Sealer.box.seal(0, text)
	wrapped := append([]byte(messageName+"\x00\x00\x00\x00\x00\x00\x00\x00"), tag[:]...)
	if _, _, err := server.Opener.Open(append(wrapped, text...)); err == nil {
		t.Error("the numbers begin again")
	}
}

func TestCut(t *testing.T) {
	for _, n := range lengths() {
		for _, keep := range []int{0, 1, n / 2, n} {
			if keep > n {
				continue
			}
			client, server, _ := pair()
			body := text(n)
			of := message(t, &client.Sealer, body)
			beginning, rest := of[:Overhead+keep], of[Overhead+keep:]
			for _, genuine := range []bool{false, true} {
				if !genuine && keep == n {
					continue
				}
				c, err := server.Opener.Cut(beginning)
				if err != nil {
					t.Fatal(err)
				}
				c.Skip(rest[:len(rest)/3])
				c.Skip(rest[len(rest)/3:])
				if !genuine {
					c.Skip([]byte{0})
				}
				flags, got, err := c.Open(beginning)
				if (err == nil) != genuine || genuine && (flags != 0 || !bytes.Equal(got, body[:keep])) {
					t.Fatalf("%d of %d bytes, genuine %v: %v", keep, n, genuine, err)
				}
			}
			if next := message(t, &client.Sealer, []byte("next")); open(t, server, next) != "next" {
				t.Fatal("the next message is another")
			}
		}
	}
}

func open(t *testing.T, s *Session, of []byte) string {
	t.Helper()
	_, body, err := s.Opener.Open(of)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestSealingDoesNotAllocate(t *testing.T) {
	client, server, _ := pair()
	clear := zmtp.AppendMessage(nil, text(200))
	wire := make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(100, func() {
		wire = AppendFrames(wire[:0], clear)
		seal(t, &client.Sealer, wire)
		if _, _, err := server.Opener.Open(wire[2:]); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations for a message", n)
	}
}

func BenchmarkBox(b *testing.B) {
	client, server, shared := pair()
	for _, n := range []int{9, 50, 200, 1000, 4096, 65_536} {
		body := text(n)
		wire := AppendFrame(nil, 0, body)
		b.Run(fmt.Sprintf("seal/%d", n), func(b *testing.B) {
			b.SetBytes(int64(n))
			for b.Loop() {
				seal(b, &client.Sealer, wire)
			}
		})
		b.Run(fmt.Sprintf("seal and open/%d", n), func(b *testing.B) {
			b.SetBytes(int64(n))
			tag := server.Opener.box.seal(1, body)
			for b.Loop() {
				server.Opener.box.open(1, body, &tag)
				tag = server.Opener.box.seal(1, body)
			}
		})
		b.Run(fmt.Sprintf("secretbox/%d", n), func(b *testing.B) {
			b.SetBytes(int64(n))
			var nonce [24]byte
			out := make([]byte, 0, n+secretbox.Overhead)
			for b.Loop() {
				secretbox.Seal(out, body, &nonce, shared)
			}
		})
	}
}
