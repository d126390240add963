package kafka

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

// fake is a cluster of three brokers in this process, for tests in a synctest bubble.
type fake struct {
	*kfake.Cluster
	t   *testing.T
	net kfake.VirtualNetwork
}

func newFake(t *testing.T, partitions int32, options ...kfake.Opt) *fake {
	t.Helper()
	f := &fake{t: t}
	options = append([]kfake.Opt{kfake.Ports(9092, 9093, 9094), kfake.ListenFn(f.net.Listen),
		kfake.SeedTopics(partitions, "data")}, options...)
	var err error
	if f.Cluster, err = kfake.NewCluster(options...); err != nil {
		t.Fatal(err)
	}
	return f
}

// end ends the cluster. It comes last in the bubble.
func (f *fake) end() { f.Cluster.Close() }

// writer makes a writer for a target's query. Its log is the test's.
func (f *fake) writer(query string, connected func(sender string) bool) (*Writer, *line) {
	f.t.Helper()
	target, err := ParseTarget("kafka://localhost:9092/data" + query)
	if err != nil {
		f.t.Fatal(err)
	}
	w, err := NewWriter(Config{Target: target, Connected: connected, Logger: slog.New(slog.NewTextHandler(f.t.Output(), nil))})
	if err != nil {
		f.t.Fatal(err)
	}
	return w, tap(w, f.net.DialContext)
}

// close closes a writer within a time.
func (f *fake) close(w *Writer, within time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	if err := w.Close(ctx); err != nil {
		f.t.Error(err)
	}
}

// sender returns a sender id.
func sender(n int) string { return fmt.Sprintf("01%032x", n) }

// batch makes messages of a sender, and their texts.
func batch(n int, seqs ...uint64) (messages []message.Message, texts [][]byte) {
	for _, seq := range seqs {
		text := fmt.Appendf(nil, "%d/%d", n, seq)
		messages = append(messages, message.Message{Sender: sender(n), Seq: seq, Payload: text, Received: time.Now()})
		texts = append(texts, text)
	}
	return messages, texts
}

// store stores messages of a sender and returns what each was settled with: a word, or the refusal's text.
func store(ctx context.Context, w *Writer, n int, seqs ...uint64) (settled []string, err error) {
	messages, texts := batch(n, seqs...)
	settled = make([]string, len(messages))
	err = w.Store(ctx, messages, texts, func(i int, refusal error) {
		switch refusal {
		case nil:
			settled[i] = "stored"
		case ErrRepeat:
			settled[i] = "repeat"
		case message.ErrElsewhere:
			settled[i] = "elsewhere"
		default:
			settled[i] = refusal.Error()
		}
	})
	return settled, err
}

// committed returns the texts of a topic that a reader of committed data gets, by partition, in order.
func (f *fake) committed(topic string) map[int32][]string {
	f.t.Helper()
	ends := make(map[int32]int64)
	for _, p := range f.PartitionInfos(topic) {
		if ends[p.Partition] = p.LastStableOffset; p.LastStableOffset != p.HighWatermark {
			f.t.Errorf("partition %d of %s: a transaction is open", p.Partition, topic)
		}
	}
	client, err := kgo.NewClient(kgo.SeedBrokers("localhost:9092"), kgo.Dialer(f.net.DialContext), kgo.DisableClientMetrics(),
		kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords())
	if err != nil {
		f.t.Fatal(err)
	}
	defer client.Close()
	texts := make(map[int32][]string)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		left := 0
		for p, end := range ends {
			if end > 0 {
				left++
			} else {
				delete(ends, p)
			}
		}
		if left == 0 {
			return texts
		}
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			f.t.Fatalf("%s cannot be read to its end: %v", topic, ends)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if !r.Attrs.IsControl() {
				texts[r.Partition] = append(texts[r.Partition], string(r.Value))
			}
			if r.Offset+1 >= ends[r.Partition] {
				delete(ends, r.Partition)
			}
		})
	}
}
