package zmq

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/prefix"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmtp"
)

// fed is what a receiver has made of its input.
type fed struct {
	messages []string // frames joined with bars
	cuts     []uint64 // the sizes of those that were cut
	commands []string
	err      error
}

func (f fed) equal(other fed) bool {
	return slices.Equal(f.messages, other.messages) && slices.Equal(f.commands, other.commands) &&
		slices.Equal(f.cuts, other.cuts) && fmt.Sprint(f.err) == fmt.Sprint(other.err)
}

// feed gives wire to a receiver in pieces whose sizes are taken from sizes in rotation, and releases the
// batches at once or all at the end. It returns the size of the largest block, too.
func feed(wire []byte, sizes []byte, atOnce, cuts bool) (got fed, most int) {
	return feedTo(testReceiver(), wire, sizes, atOnce, cuts)
}

func testReceiver() *receiver {
	const limit, batch = 1 << 12, 5
	return newReceiver(limit, batch)
}

func feedTo(r *receiver, wire []byte, sizes []byte, atOnce, cuts bool) (got fed, most int) {
	r.command = func(name, data []byte) error {
		got.commands = append(got.commands, fmt.Sprintf("%s %q", name, data))
		return nil
	}
	r.cuts, r.cut = cuts, func(size uint64) { got.cuts = append(got.cuts, size) }
	var held []*Batch
	take := func(b *Batch) {
		for i := range b.Len() {
			got.messages = append(got.messages, string(bytes.Join(b.Frames(i), []byte("|"))))
		}
		b.Release()
	}
	for i := 0; len(wire) > 0 && got.err == nil; i++ {
		space := r.space()
		if len(space) == 0 {
			panic("no space")
		}
		n := min(len(space), len(wire))
		if len(sizes) > 0 {
			n = min(n, 1+int(sizes[i%len(sizes)])*int(sizes[i%len(sizes)]))
		}
		r.filled(copy(space, wire[:n]))
		wire = wire[n:]
		most = max(most, len(r.block.buf))
		for {
			b, err := r.parse()
			if b != nil && atOnce {
				take(b)
			} else if b != nil {
				held = append(held, b)
			}
			if got.err = err; b == nil || err != nil {
				break
			}
		}
	}
	for _, b := range held {
		take(b)
	}
	r.block.release()
	return got, most
}

// The messages are the same whatever pieces the bytes arrive in and whenever batches are released.
func FuzzReceiver(f *testing.F) {
	needSeeds(f)
	for _, frames := range append(hostile(f, "frames-refused"), hostile(f, "frames-accepted")...) {
		f.Add(frames.Bytes, []byte{9})
	}
	f.Fuzz(func(t *testing.T, wire, sizes []byte) {
		for _, cuts := range []bool{true, false} {
			whole, _ := feed(wire, nil, true, cuts)
			for _, atOnce := range []bool{true, false} {
				parts, most := feed(wire, sizes, atOnce, cuts)
				if !parts.equal(whole) {
					t.Errorf("in pieces of %d: %+v\nat once: %+v", sizes, parts, whole)
				}
				if most > maxBlock {
					t.Errorf("a block of %d bytes for messages of at most 4 KiB", most)
				}
			}
		}
	})
}

// The same for longer streams than a fuzzer's.
func TestReceiverInPieces(t *testing.T) {
	ping := command("PING", "\x00\x00ctx")
	interrupted := "\x01\x01a" + ping + "\x01\x00" + ping + ping + longFrame(0, 3000) + strings.Repeat("x", 3000)
	streams := map[string]string{
		"messages":  strings.Repeat("\x00\x05hello", 3000),
		"multipart": strings.Repeat("\x01\x01a\x01\x00\x00\x02bc", 1000),
		"long":      strings.Repeat(longFrame(0, 4096)+strings.Repeat("l", 4096), 40),
		"pings":     strings.Repeat(interrupted, 60),
		"between":   strings.Repeat(ping+"\x00\x01m", 2000),
		"cut":       strings.Repeat("\x00\x01m"+longFrame(0, 20_000)+strings.Repeat("é", 10_000)+"\x00\x01n"+ping, 10),
		"cut topic": strings.Repeat(longFrame(1, 5000)+strings.Repeat("t", 5000)+ping+"\x00\x01m", 30),
	}
	for name, stream := range streams {
		whole, _ := feed([]byte(stream), nil, true, true)
		if whole.err != nil || len(whole.messages) == 0 {
			t.Fatalf("%s: %v", name, whole.err)
		}
		for _, sizes := range []string{"\x00", "\x01", "\x00\x01\x02\x03\x05\x07", "\x10\x3f\x40", "\xff"} {
			for _, atOnce := range []bool{true, false} {
				parts, _ := feed([]byte(stream), []byte(sizes), atOnce, true)
				if !parts.equal(whole) {
					t.Errorf("%s in pieces of %q: %d messages, %d commands, %v; at once %d and %d", name, sizes,
						len(parts.messages), len(parts.commands), parts.err, len(whole.messages), len(whole.commands))
				}
			}
		}
	}
}

// A batch's frames do not change until it is released, however much is read after them. Its memory is used
// again after that.
func TestBlocksAreReusedAfterRelease(t *testing.T) {
	r := newReceiver(1<<20, 10)
	var held []*Batch
	next := 0
	for round := range 300 {
		for range 20 {
			message := zmtp.AppendMessage(nil, fmt.Appendf(nil, "%0300d", next))
			for next++; len(message) > 0; {
				n := copy(r.space(), message)
				r.filled(n)
				message = message[n:]
			}
		}
		for {
			b, err := r.parse()
			if err != nil {
				t.Fatal(err)
			}
			if b == nil {
				break
			}
			held = append(held, b)
		}
		if round%7 == 0 {
			for at := next - count(held); len(held) > 0; held = held[1:] {
				for i := range held[0].Len() {
					if want := fmt.Sprintf("%0300d", at); string(held[0].Frames(i)[0]) != want {
						t.Fatalf("message %s has become %s", want, held[0].Frames(i)[0])
					}
					at++
				}
				held[0].Release()
			}
		}
	}
}

func count(batches []*Batch) (n int) {
	for _, b := range batches {
		n += b.Len()
	}
	return n
}

// A connection with little traffic holds a small block, and keeps using it.
func TestSmallTrafficKeepsItsBlock(t *testing.T) {
	r := newReceiver(1<<20, 1000)
	first := r.block
	for range 1000 {
		r.filled(copy(r.space(), zmtp.AppendMessage(nil, []byte("one short message"))))
		if b, _ := r.parse(); b != nil {
			b.Release()
		}
	}
	if r.block != first || len(r.block.buf) != minBlock {
		t.Errorf("a block of %d bytes after a trickle", len(r.block.buf))
	}
}

func TestUnwantedMessagesAreLeftOut(t *testing.T) {
	var wanted prefix.Set
	if _, err := wanted.Add([]byte("app.")); err != nil {
		t.Fatal(err)
	}
	r := newReceiver(1<<20, 3)
	r.wanted = &wanted
	r.filled(copy(r.space(),
		"\x01\x05app.a\x00\x01x"+"\x01\x03sys\x00\x04app."+"\x00\x00"+"\x00\x04app."+"\x00\x03app"))
	b, err := r.parse()
	if err != nil || b.Len() != 2 || string(b.Frames(0)[1]) != "x" || string(b.Frames(1)[0]) != "app." {
		t.Fatalf("%+v, %v", b, err)
	}
	b.Release()
	if r.start != r.end {
		t.Errorf("%d bytes are left", r.end-r.start)
	}
}

// A batch has a limited number of frames, since empty frames take more memory than they have bytes.
func TestFramesOfABatchAreBounded(t *testing.T) {
	r := newReceiver(1<<20, 1<<20)
	var most int
	for range 100 {
		space := r.space()
		for i := range space {
			space[i] = 0
		}
		r.filled(len(space))
		for {
			b, err := r.parse()
			if err != nil {
				t.Fatal(err)
			}
			if b == nil {
				break
			}
			most = max(most, len(b.frames))
			b.Release()
		}
	}
	if most > maxBatchFrames {
		t.Errorf("a batch of %d frames", most)
	}
}

// A burst's memory is given back when only a trickle is left.
func TestBurstGivesItsMemoryBack(t *testing.T) {
	r := newReceiver(1<<20, 1000)
	read := func(n int) {
		for ; n > 0; n-- {
			space := r.space()
			clear(space)
			r.filled(min(len(space), 2*n))
			for b, err := r.parse(); b != nil || err != nil; b, err = r.parse() {
				if err != nil {
					t.Fatal(err)
				}
				b.Release()
			}
		}
	}
	for range 10 {
		space := r.space()
		clear(space)
		r.filled(len(space))
		for b, _ := r.parse(); b != nil; b, _ = r.parse() {
			b.Release()
		}
	}
	if len(r.block.buf) != maxBlock {
		t.Errorf("a block of %d bytes in a burst", len(r.block.buf))
	}
	read(4 * enough)
	if r.space(); len(r.block.buf) != minBlock {
		t.Errorf("a block of %d bytes after it", len(r.block.buf))
	}
}
