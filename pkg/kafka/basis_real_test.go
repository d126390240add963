package kafka_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/kafka"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/kafka/kafkatest"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

// patience bounds every wait of these tests; nothing takes that long unless it hangs.
const patience = 2 * time.Minute

const alice, bob = "01000102030405060708090a0b0c0d0e0f", "01ffffffffffffffffffffffffffffffff"

// secret is every password of these tests. No log may have it.
const secret = "a-passwd-of-alice"

// journal is a log that can be read while it is written.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.ReplaceAll(j.text.String(), `\"`, `"`) // as in a value of slog's
}

// has reports whether the log has a text.
func (j *journal) has(text string) bool { return strings.Contains(j.String(), text) }

// wants fails the test unless the log has each of the texts.
func (j *journal) wants(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !j.has(text) {
			t.Errorf("the log does not have %q", text)
		}
	}
}

// config returns the configuration of a writer to servers, and its log. where is the rest of the URL, such as
// "/logs?once=true".
func config(t *testing.T, servers, where string, change func(*kafka.Config)) (kafka.Config, *journal) {
	t.Helper()
	if !kafka.IsTarget(servers) {
		servers = "kafka://" + servers
	}
	target, err := kafka.ParseTarget(servers + where)
	if err != nil {
		t.Fatal(err)
	}
	log := &journal{}
	c := kafka.Config{Target: target, Reconnect: 10 * time.Millisecond, ReconnectMax: 100 * time.Millisecond,
		Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	if change != nil {
		change(&c)
	}
	t.Cleanup(func() {
		if log.has(secret) {
			t.Error("the log has a password")
		}
		if t.Failed() {
			var lines []string
			for line := range strings.SplitSeq(log.String(), "\n") {
				if !strings.Contains(line, "franz-go") {
					lines = append(lines, line)
				}
			}
			t.Log(strings.Join(lines, "\n"))
		}
	})
	return c, log
}

// writer makes a writer, and closes it at the end of the test.
func writer(t *testing.T, servers, where string, change func(*kafka.Config)) (*kafka.Writer, *journal) {
	t.Helper()
	c, log := config(t, servers, where, change)
	w := newWriter(t, c)
	t.Cleanup(func() { closeWriter(t, w) })
	return w, log
}

func newWriter(t *testing.T, c kafka.Config) *kafka.Writer {
	t.Helper()
	w, err := kafka.NewWriter(c)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func closeWriter(t *testing.T, w *kafka.Writer) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := w.Close(ctx); err != nil {
		t.Error(err)
	}
}

// numbered makes messages of a sender: the text of number 7 is "7".
func numbered(sender string, from, to int) (batch []message.Message) {
	for seq := from; seq < to; seq++ {
		batch = append(batch, message.Message{Sender: sender, Seq: uint64(seq), Payload: fmt.Append(nil, seq)})
	}
	return batch
}

// under makes a message with a topic.
func under(topic, text string) message.Message {
	return message.Message{HasTopic: true, Topic: []byte(topic), Payload: []byte(text)}
}

// store stores messages and returns their fates: "ok", "repeat", "elsewhere", or the reason of a refusal.
func store(t *testing.T, w *kafka.Writer, batch ...message.Message) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	fates, err := try(ctx, t, w, batch)
	if err != nil {
		t.Fatal(err)
	}
	return fates
}

func try(ctx context.Context, t *testing.T, w *kafka.Writer, batch []message.Message) ([]string, error) {
	texts := make([][]byte, len(batch))
	for i := range batch {
		texts[i] = batch[i].Payload
	}
	fates := make([]string, len(batch))
	err := w.Store(ctx, batch, texts, func(i int, refusal error) {
		if fates[i] != "" {
			t.Errorf("message %d is settled twice", i)
		}
		fates[i] = fate(refusal)
	})
	return fates, err
}

func fate(refusal error) string {
	switch {
	case refusal == nil:
		return "ok"
	case errors.Is(refusal, kafka.ErrRepeat):
		return "repeat"
	case errors.Is(refusal, message.ErrElsewhere):
		return "elsewhere"
	}
	return refusal.Error()
}

// each wants all fates to have a text.
func each(t *testing.T, fates []string, text string) {
	t.Helper()
	for i, fate := range fates {
		if !strings.Contains(fate, text) || text == "ok" && fate != text {
			t.Errorf("message %d of %d: %q, want %q", i, len(fates), fate, text)
			return
		}
	}
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !holds(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

// client is a writer, its log, and the next number that it stores.
type client struct {
	w     *kafka.Writer
	log   *journal
	topic string
	next  int
}

// batch returns the next messages of a client.
func (c *client) batch(n int) []message.Message {
	c.next += n
	return numbered(alice, c.next-n, c.next)
}

// waits has clients store messages while something is wrong, wants the reason in each log before anything is settled,
// mends it, and wants all stored, the reason once, and the end of the trouble in the log.
func waits(t *testing.T, says string, mend func(), clients ...*client) {
	t.Helper()
	done := make([]chan []string, len(clients))
	for i, c := range clients {
		done[i] = make(chan []string, 1)
		go func() {
			fates, err := try(context.Background(), t, c.w, c.batch(10))
			if err != nil {
				t.Error(err)
			}
			done[i] <- fates
		}()
	}
	for i, c := range clients {
		eventually(t, "a reason for the wait", func() bool { return c.log.has(says) || len(done[i]) > 0 })
		if len(done[i]) > 0 {
			t.Fatalf("settled during the trouble: %q", <-done[i])
		}
	}
	mend()
	for i, c := range clients {
		each(t, <-done[i], "ok")
		c.log.wants(t, says, "messages are stored again")
		if n := strings.Count(c.log.String(), says); n != 1 && says != "senders wait" {
			t.Errorf("%q is %d times in the log", says, n)
		}
		if c.log.has("are refused") {
			t.Error("messages were refused")
		}
	}
}

// shared is a cluster that parallel tests use.
type shared struct {
	*kafkatest.Cluster
	mu sync.Mutex
}

func (s *shared) create(topic string, settings map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.CreateTopic(topic, 1, 1, settings)
}

// values returns what the records of a topic have, as consumers see it.
func (s *shared) values(topic string) (values []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.Read(topic, true) {
		values = append(values, string(r.Value))
	}
	return values
}

// wants wants a topic to have these values, in any order.
func (s *shared) wants(t *testing.T, topic string, want ...string) {
	t.Helper()
	got := s.values(topic)
	slices.Sort(got)
	want = slices.Sorted(slices.Values(want))
	if !slices.Equal(got, want) {
		t.Errorf("topic %s has %.300q, want %.300q", topic, got, want)
	}
}

// texts returns the texts of numbered.
func texts(from, to int) (texts []string) {
	for seq := from; seq < to; seq++ {
		texts = append(texts, fmt.Sprint(seq))
	}
	return texts
}

// file writes a file of a test.
func file(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
