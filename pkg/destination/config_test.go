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
