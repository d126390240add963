package destination

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

// With Redis, waits between attempts are a second at most, and the longest is no shorter than the first.
func TestRedisWaits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ first, longest, wantFirst, wantLongest time.Duration }{
		{0, 0, 0, 0},
		{100 * time.Millisecond, 30 * time.Second, 100 * time.Millisecond, time.Second},
		{100 * time.Millisecond, 500 * time.Millisecond, 100 * time.Millisecond, 500 * time.Millisecond},
		{5 * time.Second, 30 * time.Second, time.Second, time.Second},
		{time.Second, 0, time.Second, time.Second},
	} {
		got := redisConfig(Target{Kind: Redis}, Config{Reconnect: c.first, ReconnectMax: c.longest})
		if got.Reconnect != c.wantFirst || got.ReconnectMax != c.wantLongest {
			t.Errorf("%v and %v give %v and %v", c.first, c.longest, got.Reconnect, got.ReconnectMax)
		}
	}
}

// After Store, nothing refers to the batch, and the arena of a large message is dropped.
func TestRelease(t *testing.T) {
	t.Parallel()
	d := &texts{format: JSON}
	d.send = func(context.Context, []message.Message, [][]byte, func(int, error)) error { return nil }
	for _, size := range []int{100, 2*arenaSize + 1} {
		batch := []message.Message{{Payload: []byte("small")}, {Payload: bytes.Repeat([]byte("x"), size)}}
		if err := d.Store(t.Context(), batch, nil); err != nil {
			t.Fatal(err)
		}
		for i, text := range d.encoded[:cap(d.encoded)] {
			if text != nil {
				t.Errorf("text %d is still referenced", i)
			}
		}
	}
	if n := cap(d.arena); n > 2*arenaSize {
		t.Errorf("an arena of %d bytes is left", n)
	}
}

// A large batch is sent in parts, so that the memory for its texts is bounded.
func TestParts(t *testing.T) {
	t.Parallel()
	const size, messages = 1 << 20, 10
	d := &texts{format: JSON}
	var parts []int
	d.send = func(_ context.Context, batch []message.Message, encoded [][]byte, settled func(int, error)) error {
		if len(batch) != len(encoded) || len(d.arena) >= arenaSize+2*size {
			t.Errorf("%d messages, %d texts, %d bytes", len(batch), len(encoded), len(d.arena))
		}
		parts = append(parts, len(batch))
		for i := range batch {
			settled(i, nil)
		}
		return nil
	}
	payload := bytes.Repeat([]byte("x"), size)
	batch := make([]message.Message, messages)
	for i := range batch {
		batch[i].Payload = payload
	}
	var order []int
	if err := d.Store(t.Context(), batch, func(i int, _ error) { order = append(order, i) }); err != nil {
		t.Fatal(err)
	}
	for i, n := range order {
		if i != n {
			t.Fatalf("settled in the order %d", order)
		}
	}
	if len(order) != messages || len(parts) != 3 {
		t.Errorf("%d messages settled, in parts of %d", len(order), parts)
	}
}
