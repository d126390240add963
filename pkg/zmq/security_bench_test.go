package zmq

import (
	"context"
	"fmt"
	"testing"
)

// sealedPair is pair under CURVE.
func (b both) sealedPair(t testing.TB, hwm int) (push, pull *Socket) {
	t.Helper()
	pull, at := bound(t, b.asServer(Config{Type: Pull}))
	push = connected(t, b.asClient(Config{Type: Push, HWM: hwm}), at)
	peers(t, push, 1)
	return push, pull
}

// Sealing and opening allocate nothing per message; only waits and batches may allocate.
func TestNoAllocationPerSealedMessage(t *testing.T) {
	const messages = 1000
	push, pull := newBoth(t).sealedPair(t, roomy)
	ctx, topic := soon(t), []byte("topic")
	for _, size := range []int{20, 200} {
		body := make([]byte, size)
		send := func() {
			for range messages / 2 {
				push.Send(ctx, topic, body)
			}
			for range messages / 2 {
				push.Queue(topic, body)
			}
			push.Flush()
			drain(ctx, t, pull, messages)
		}
		send() // grows the buffers
		allocs := testing.AllocsPerRun(50, send)
		t.Logf("%d bytes: %v allocations for %d messages", size, allocs, messages)
		if allocs > messages/20 {
			t.Errorf("%d bytes: %v allocations for %d messages", size, allocs, messages)
		}
	}
}

func TestNoAllocationPerSealedPublication(t *testing.T) {
	b := newBoth(t)
	pub, at := bound(t, b.asServer(Config{Type: Pub, HWM: roomy}))
	sub := connected(t, b.asClient(Config{Type: Sub, Subscribe: []string{"app.", "x"}}), at)
	subscribed(t, pub, "app.", true)
	ctx := soon(t)
	topic, other, body := []byte("app.log"), []byte("other"), make([]byte, 200)
	publish := func() {
		for range 500 {
			pub.Publish(topic, body)
			pub.Publish(other, body)
		}
		pub.Flush()
		drain(ctx, t, sub, 500)
	}
	publish()
	allocs := testing.AllocsPerRun(50, publish)
	t.Logf("%v allocations for 500 messages received of 1000", allocs)
	if allocs > 1000/20 {
		t.Errorf("%v allocations for 1000 messages", allocs)
	}
}

// BenchmarkSealedPushPull is BenchmarkPushPull under CURVE.
func BenchmarkSealedPushPull(b *testing.B) {
	for _, size := range []int{20, 200, 4 << 10, 100_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			push, pull := newBoth(b).sealedPair(b, DefaultHWM)
			ctx, body := context.Background(), make([]byte, size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			done := make(chan struct{})
			go func() {
				defer close(done)
				drain(ctx, b, pull, b.N)
			}()
			b.ResetTimer()
			for range b.N {
				push.Send(ctx, body)
			}
			<-done
		})
	}
}
