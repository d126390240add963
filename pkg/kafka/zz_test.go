package kafka

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

func TestRate(t *testing.T) {
	addr := os.Getenv("KAFKA")
	if addr == "" {
		t.Skip()
	}
	for _, set := range []string{"?compression=none", "", "?once=true&compression=none", "?once=true"} {
		for _, size := range []int{1000, 5000, 20000} {
			target, err := ParseTarget("kafka://" + addr + "/logs" + set)
			if err != nil {
				t.Fatal(err)
			}
			w, err := NewWriter(Config{Target: target, Logger: slog.New(slog.NewTextHandler(os.Stderr, nil))})
			if err != nil {
				t.Fatal(err)
			}
			seq := uint64(0)
			sender := fmt.Sprintf("01%032x", time.Now().UnixNano())
			batch := make([]message.Message, size)
			texts := make([][]byte, size)
			payload := make([]byte, 200)
			for i := range payload {
				payload[i] = byte('a' + i*7%26)
			}
			store := func() {
				for i := range batch {
					seq++
					p := append([]byte(nil), payload...)
					copy(p, fmt.Sprintf("<13>1 2026-11-29T18:00:00Z web-1 app - - - %d", seq))
					batch[i] = message.Message{Payload: p, Topic: []byte("auth"), HasTopic: true, Peer: "tcp://127.0.0.1:1234", Sender: sender, Seq: seq, Received: time.Now(), Claim: &message.Claim{Instance: "x", First: 1}}
					texts[i] = p
				}
				if err := w.Store(context.Background(), batch, texts, func(i int, err error) {
					if err != nil {
						t.Error(err)
					}
				}); err != nil {
					t.Fatal(err)
				}
			}
			store()
			began := time.Now()
			n, rounds := 0, 0
			for time.Since(began) < 3*time.Second {
				store()
				n += size
				rounds++
			}
			el := time.Since(began)
			fmt.Printf("%-30s batch %5d: %8.0f/s  %.1f ms a round\n", set, size, float64(n)/el.Seconds(), el.Seconds()*1000/float64(rounds))
			w.Close(context.Background())
		}
	}
}
