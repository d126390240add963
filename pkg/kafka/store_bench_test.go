package kafka_test

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/kafka"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/kafka/kafkatest"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

// BenchmarkStore stores batches of a sender's lines of 200 bytes, one batch after the other. imzmq's --batch comes from
// it, and the default of compression.
func BenchmarkStore(b *testing.B) {
	// What Kafka's own scripts give a broker, and the compiler that they leave to java.
	cluster := kafkatest.Start(b, kafkatest.Config{Java: []string{"-Xmx1g", "-XX:TieredStopAtLevel=4"}})
	run := func(name string, once bool, compression string, batch int) {
		runs := 0
		b.Run(name, func(b *testing.B) {
			runs++
			topic := strings.NewReplacer("=", "-", "/", "-").Replace(fmt.Sprintf("%s-%d", name, runs))
			cluster.CreateTopic(topic, 1, 1, nil)
			to := fmt.Sprintf("kafka://%s/%s?compression=%s", cluster.Bootstrap(), topic, compression)
			if once {
				to += "&once=true&state=stored-" + topic
			}
			storeBatches(b, to, batch)
		})
	}
	run("warm-up", false, "snappy", 10_000) // a java that has just been started is slow
	run("warm-up-once", true, "snappy", 10_000)
	for _, once := range []bool{false, true} {
		for _, c := range []struct {
			compression string
			batch       int
		}{{"lz4", 1}, {"lz4", 1000}, {"lz4", 4000}, {"lz4", 10_000}, {"lz4", 20_000},
			{"none", 10_000}, {"snappy", 10_000}, {"zstd", 10_000}} {
			run(fmt.Sprintf("once=%v/%s/%d", once, c.compression, c.batch), once, c.compression, c.batch)
		}
	}
}

func storeBatches(b *testing.B, to string, size int) {
	target, err := kafka.ParseTarget(to)
	if err != nil {
		b.Fatal(err)
	}
	w, err := kafka.NewWriter(kafka.Config{Target: target, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		b.Fatal(err)
	}
	defer w.Close(b.Context()) //nolint:errcheck // everything is stored
	batch, texts := make([]message.Message, size), make([][]byte, size)
	now := time.Now()
	for i := range batch {
		texts[i] = fmt.Appendf(nil, "<14>1 %s host%d app %d - - GET /index-%x.html status=%d ",
			now.Format(time.RFC3339Nano), i%50, i%300, i*0x9e3779b1, 200+i%7*50)
		for j := len(texts[i]); j < 200; j++ {
			texts[i] = append(texts[i], "etaoinshrdlu "[(i*j+j)%13])
		}
		batch[i] = message.Message{Payload: texts[i], Sender: strings.Repeat("5e", 16), Peer: "127.0.0.1:5555", Received: now}
	}
	number := uint64(0)
	store := func() {
		for i := range batch {
			number++
			batch[i].Seq = number
		}
		err := w.Store(b.Context(), batch, texts, func(_ int, refusal error) {
			if refusal != nil {
				b.Fatal(refusal)
			}
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	store() // connects
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		store()
	}
	b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "messages/s")
}
