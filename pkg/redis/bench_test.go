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

// BenchmarkManySenders stores a message of each of 500 senders in each batch.
func BenchmarkManySenders(b *testing.B) {
	for _, where := range []string{"list=bench", "stream=bench&maxlen=10000"} {
		b.Run(where, func(b *testing.B) {
			server := redistest.Start(b)
			w, _ := writer(b, to(server, where), nil)
			entries := make([]message.Message, 500)
			claims := make([]message.Claim, len(entries))
			for i := range entries {
				claims[i] = message.Claim{Instance: "an instance", First: 1}
				entries[i] = message.Message{Sender: fmt.Sprintf("01%030x", i), Claim: &claims[i], Payload: []byte(strings.Repeat("x", 200)),
					Peer: "127.0.0.1:1234", Received: time.Now()}
			}
			before := cpu(server)
			for b.Loop() {
				for i := range entries {
					entries[i].Seq++
				}
				if err := w.Store(context.Background(), entries, payloads(entries), func(int, error) {}); err != nil {
					b.Fatal(err)
				}
				if entries[0].Seq%200 == 0 && strings.HasPrefix(where, "list") {
					server.Do("unlink", "bench")
				}
			}
			messages := float64(entries[0].Seq) * float64(len(entries))
			b.ReportMetric((cpu(server)-before)/messages*1e6, "redis-s/M")
			b.ReportMetric(messages/b.Elapsed().Seconds(), "messages/s")
		})
	}
}

// cpu returns the seconds of CPU time that a server has used.
func cpu(server *redistest.Server) float64 {
	var user, system float64
	for line := range strings.Lines(server.Do("info", "cpu").(string)) {
		fmt.Sscanf(line, "used_cpu_user:%f", &user)
		fmt.Sscanf(line, "used_cpu_sys:%f", &system)
	}
	return user + system
}
