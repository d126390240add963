package zmq

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
)

// roomy is a high-water mark that is not reached even if one run of a test directly follows another.
const roomy = 1 << 16

// pair returns a PUSH and a PULL that are connected.
func pair(t testing.TB, endpoint string, hwm int) (push, pull *Socket) {
	t.Helper()
	pull = open(t, Config{Type: Pull})
	at, err := pull.Bind(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	push = connected(t, Config{Type: Push, HWM: hwm}, at)
	peers(t, push, 1)
	return push, pull
}

// drain receives n messages and releases them.
func drain(ctx context.Context, t testing.TB, s *Socket, n int) {
	for n > 0 {
		b, err := s.Recv(ctx)
		if err != nil {
			t.Error(err)
			return
		}
		n -= b.Len()
		b.Release()
	}
}

// Sending and receiving allocate nothing per message; only waits and batches may allocate.
func TestNoAllocationPerMessage(t *testing.T) {
	const messages = 1000
	push, pull := pair(t, "tcp://127.0.0.1:0", roomy)
	ctx, topic, body := soon(t), []byte("topic"), make([]byte, 200)
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
	if allocs := testing.AllocsPerRun(50, send); allocs > messages/20 {
		t.Errorf("%v allocations for %d messages", allocs, messages)
	}
}

func TestNoAllocationPerPublishedMessage(t *testing.T) {
	pub, at := bound(t, Config{Type: Pub, HWM: roomy})
	sub := connected(t, Config{Type: Sub, Subscribe: []string{"app.", "x"}}, at)
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
	if allocs := testing.AllocsPerRun(50, publish); allocs > 1000/20 {
		t.Errorf("%v allocations for 1000 messages", allocs)
	}
}

func BenchmarkPushPull(b *testing.B) {
	for _, kind := range []string{"tcp", "ipc"} {
		for _, size := range []int{20, 200, 2000, 100_000} {
			b.Run(fmt.Sprintf("%s/%d", kind, size), func(b *testing.B) {
				endpoint := "tcp://127.0.0.1:0"
				if kind == "ipc" {
					endpoint = "ipc://" + filepath.Join(b.TempDir(), "s")
				}
				push, pull := pair(b, endpoint, DefaultHWM)
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
}

func BenchmarkRoundTrip(b *testing.B) {
	router, at := bound(b, Config{Type: Router, OnReceive: func(batch *Batch) {
		batch.Peer().Send(batch.Frames(0)...)
		batch.Release()
	}})
	dealer := connected(b, Config{Type: Dealer}, at)
	peers(b, router, 1)
	body := make([]byte, 200)
	b.ReportAllocs()
	for b.Loop() {
		dealer.Send(context.Background(), body)
		drain(context.Background(), b, dealer, 1)
	}
}

func BenchmarkPublish(b *testing.B) {
	for _, subscribers := range []int{1, 10} {
		b.Run(fmt.Sprintf("%d subscribers", subscribers), func(b *testing.B) {
			pub, at := bound(b, Config{Type: Pub})
			for range subscribers {
				connected(b, Config{Type: Sub, Subscribe: []string{"app."}, OnReceive: (*Batch).Release}, at)
			}
			peers(b, pub, subscribers)
			topic, body := []byte("app.log"), make([]byte, 200)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				pub.Publish(topic, body)
				if i%64 == 0 {
					pub.Flush()
				}
			}
		})
	}
}
