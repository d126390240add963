package redis_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis/redistest"
)

// BenchmarkStore stores batches of 200-byte messages one after the other. The cost of fsync depends on the disk that
// holds the folder for temporary files.
func BenchmarkStore(b *testing.B) {
	for _, where := range []string{"list=bench", "stream=bench&maxlen=10000"} {
		for _, fsync := range []string{"none", "everysec", "always"} {
			for _, size := range []int{1, 30, 1000} {
				b.Run(fmt.Sprintf("%s/fsync=%s/batch=%d", where, fsync, size), func(b *testing.B) { benchmarkStore(b, where, fsync, size) })
			}
		}
	}
}

func benchmarkStore(b *testing.B, where, fsync string, size int) {
	var args []string
	if fsync != "none" {
		args = []string{"--appendonly", "yes", "--appendfsync", fsync}
	}
	server := redistest.Start(b, args...)
	w, _ := writer(b, to(server, where), nil)
	text := []byte(strings.Repeat("x", 200))
	entries := make([]message.Message, size)
	var seq uint64
	b.ReportAllocs()
	for b.Loop() {
		now := time.Now()
		for i := range entries {
			seq++
			entries[i] = message.Message{Sender: alice, Seq: seq, Payload: text, Peer: "127.0.0.1:1234", Received: now}
		}
		if err := w.Store(context.Background(), entries, payloads(entries), func(int, error) {}); err != nil {
			b.Fatal(err)
		}
		if seq%100_000 < uint64(size) && strings.HasPrefix(where, "list") {
			server.Do("unlink", "bench")
		}
	}
	b.ReportMetric(float64(seq)/b.Elapsed().Seconds(), "messages/s")
}
