package redis_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redistest"
)

// BenchmarkStore stores batches of 1,000 messages of 200 bytes.
func BenchmarkStore(b *testing.B) {
	for _, to := range []string{"list=bench", "stream=bench&maxlen=10000"} {
		for _, size := range []int{1, 30, 1000} {
			b.Run(fmt.Sprintf("%s/batch=%d", to, size), func(b *testing.B) {
				server := redistest.Start(b)
				target, err := redis.ParseTarget("redis://" + server.Addr() + "?" + to)
				if err != nil {
					b.Fatal(err)
				}
				w, err := redis.NewWriter(redis.Config{Target: target, Logger: slog.New(slog.DiscardHandler)})
				if err != nil {
					b.Fatal(err)
				}
				defer w.Close()
				text := []byte(strings.Repeat("x", 200))
				entries := make([]redis.Entry, size)
				var seq uint64
				b.ReportAllocs()
				for b.Loop() {
					now := time.Now()
					for i := range entries {
						seq++
						entries[i] = redis.Entry{Sender: "01000102030405060708090a0b0c0d0e0f", Seq: seq, Text: text, Peer: "127.0.0.1:1234", Received: now}
					}
					if err := w.Store(context.Background(), entries, func(i int, err error) {
						if err != nil {
							b.Fatal(err)
						}
					}); err != nil {
						b.Fatal(err)
					}
					if seq%100_000 < uint64(size) && strings.HasPrefix(to, "list") {
						server.Do("unlink", "bench")
					}
				}
				b.ReportMetric(float64(seq)/b.Elapsed().Seconds(), "messages/s")
			})
		}
	}
}
