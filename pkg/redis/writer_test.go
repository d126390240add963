package redis_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis/redistest"
)

var discard = slog.New(slog.DiscardHandler)

// patience bounds every wait of these tests; nothing takes that long unless it hangs.
const patience = 30 * time.Second

const alice, bob = "01000102030405060708090a0b0c0d0e0f", "01ffffffffffffffffffffffffffffffff"

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
	return j.text.String()
}

// writer makes a writer of a server, and closes it at the end. change may change its configuration.
func writer(t testing.TB, to string, change func(*redis.Config)) (*redis.Writer, *journal) {
	t.Helper()
	target, err := redis.ParseTarget(to)
	if err != nil {
		t.Fatal(err)
	}
	log := &journal{}
	config := redis.Config{Target: target, Logger: slog.New(slog.NewTextHandler(log, nil)), Reconnect: time.Millisecond, ReconnectMax: 20 * time.Millisecond}
	if change != nil {
		change(&config)
	}
	w, err := redis.NewWriter(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w, log
}

func to(s *redistest.Server, where string) string { return "redis://" + s.Addr() + "/0?" + where }

// payloads returns the payloads of messages.
func payloads(batch []message.Message) (texts [][]byte) {
	texts = make([][]byte, len(batch))
	for i := range batch {
		texts[i] = batch[i].Payload
	}
	return texts
}

// numbered makes entries of a sender: the text of number 7 is "7".
func numbered(sender string, seqs ...uint64) (entries []message.Message) {
	for _, seq := range seqs {
		entries = append(entries, message.Message{Sender: sender, Seq: seq, Payload: fmt.Append(nil, seq)})
	}
	return entries
}

func plain(texts ...string) (entries []message.Message) {
	for _, text := range texts {
		entries = append(entries, message.Message{Payload: []byte(text)})
	}
	return entries
}

// store stores entries and returns their fates: "ok", "repeat", the reason of a refusal, or "" if not settled.
func store(t testing.TB, w *redis.Writer, entries []message.Message) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	fates, err := try(ctx, t, w, entries)
	if err != nil {
		t.Fatal(err)
	}
	return fates
}

func try(ctx context.Context, t testing.TB, w *redis.Writer, entries []message.Message) ([]string, error) {
	fates := make([]string, len(entries))
	err := w.Store(ctx, entries, payloads(entries), func(i int, refusal error) {
		switch {
		case fates[i] != "":
			t.Errorf("entry %d is settled twice", i)
		case refusal == nil:
			fates[i] = "ok"
		case errors.Is(refusal, redis.ErrRepeat):
			fates[i] = "repeat"
		default:
			fates[i] = refusal.Error()
		}
	})
	return fates, err
}

func want[T comparable](t testing.TB, what string, got, want []T) {
	t.Helper()
	if slices.Equal(got, want) {
		return
	}
	i := 0
	for i < min(len(got), len(want)) && got[i] == want[i] {
		i++
	}
	t.Errorf("%s: %d, want %d; from %d on: %v, want %v", what, len(got), len(want), i, got[i:min(len(got), i+10)], want[i:min(len(want), i+10)])
}

func texts(from, to uint64) (all []string) {
	for n := from; n <= to; n++ {
		all = append(all, fmt.Sprint(n))
	}
	return all
}

func run(from, to uint64) (all []uint64) {
	for n := from; n <= to; n++ {
		all = append(all, n)
	}
	return all
}

// each runs a test with every server program of this machine, beside other tests.
func each(t *testing.T, test func(t *testing.T, server *redistest.Server)) {
	t.Parallel()
	for _, program := range redistest.Programs(t) {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			test(t, redistest.StartProgram(t, program))
		})
	}
}

func TestList(t *testing.T) {
	each(t, func(t *testing.T, server *redistest.Server) {
		w, _ := writer(t, to(server, "list=logs"), nil)
		want(t, "fates", store(t, w, append(numbered(alice, 1, 2), numbered(bob, 1)...)), []string{"ok", "ok", "ok"})
		want(t, "again", store(t, w, numbered(alice, 2, 3, 1, 4)), []string{"repeat", "ok", "repeat", "ok"})
		want(t, "all repeats", store(t, w, numbered(alice, 4)), []string{"repeat"})
		other, _ := writer(t, to(server, "list=logs"), nil) // another process
		want(t, "another", store(t, other, numbered(alice, 4, 5)), []string{"repeat", "ok"})
		want(t, "list", server.List("logs"), []string{"1", "2", "1", "3", "4", "5"})
		if binary := "\x00\r\n\xff"; store(t, w, plain(binary, "", "x", "x")) == nil || server.List("logs")[6] != binary {
			t.Errorf("%q", server.List("logs"))
		}
		if n := server.Do("llen", "logs"); n != int64(10) { // equal texts are not repeats
			t.Errorf("%v elements", n)
		}
	})
}

func TestTopics(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	w, _ := writer(t, to(server, "list=logs.{topic}"), nil)
	entries := numbered(alice, 1, 2, 3, 4, 5)
	for i, topic := range []string{"a", "b c", "a", "", "b c"} {
		entries[i].Topic = []byte(topic)
	}
	want(t, "fates", store(t, w, entries), []string{"ok", "ok", "ok", "ok", "ok"})
	want(t, "again", store(t, w, entries[1:3]), []string{"repeat", "repeat"})
	want(t, "a", server.List("logs.a"), []string{"1", "3"})
	want(t, "b c", server.List("logs.b%20c"), []string{"2", "5"})
	want(t, "none", server.List("logs.-"), []string{"4"})
	if n := server.Do("exists", "{logs.*}:stored:logs.{topic}:"+alice); n != int64(1) {
		t.Error("outside a cluster, all topics should share one memory")
	}
}

func TestStream(t *testing.T) {
	each(t, func(t *testing.T, server *redistest.Server) {
		w, _ := writer(t, to(server, "stream=s"), nil)
		noon := time.Date(2026, 11, 25, 12, 0, 0, 1000, time.UTC)
		first := message.Message{Sender: alice, Seq: 7, Topic: []byte("t"), Payload: []byte("a\nb\x00"), Peer: "127.0.0.1:5", Received: noon}
		want(t, "fates", store(t, w, []message.Message{first, {Payload: []byte("x")}}), []string{"ok", "ok"})
		want(t, "again", store(t, w, []message.Message{first}), []string{"repeat"})
		var got []string
		for _, entry := range server.Do("xrange", "s", "-", "+").([]any) {
			for _, v := range entry.([]any)[1].([]any) {
				got = append(got, v.(string))
			}
		}
		want(t, "entries", got, []string{
			"topic", "t", "message", "a\nb\x00", "peer", "127.0.0.1:5", "sender", alice, "seq", "7", "received", "2026-11-25T12:00:00.000001Z",
			"topic", "", "message", "x", "peer", "", "sender", "", "seq", "", "received", "",
		})
		w, _ = writer(t, to(server, "stream=s&maxlen=10"), nil)
		store(t, w, numbered(bob, run(1, 1000)...))
		if n := server.Do("xlen", "s"); n != int64(10) {
			t.Errorf("%v entries, want 10", n)
		}
	})
}

func TestChannel(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	subscription := server.Client().Subscribe(ctx, "tap.mail")
	defer subscription.Close()
	if _, err := subscription.Receive(ctx); err != nil {
		t.Fatal(err)
	}
	w, _ := writer(t, to(server, "channel=tap.{topic}"), nil)
	entries := append(numbered(alice, 1, 1), plain("x")...) // a channel has no memory
	for i := range entries {
		entries[i].Topic = []byte("mail")
	}
	want(t, "fates", store(t, w, entries), []string{"ok", "ok", "ok"})
	for _, text := range []string{"1", "1", "x"} {
		if m, err := subscription.ReceiveMessage(ctx); err != nil || m.Payload != text {
			t.Errorf("%v, %v; want %s", m, err, text)
		}
	}
	if n := server.Do("dbsize"); n != int64(0) {
		t.Errorf("%v keys", n)
	}
}

func TestStoreAllocatesNothingPerMessage(t *testing.T) {
	server := redistest.Start(t)
	for _, where := range []string{"list=logs", "list=logs", "stream=s"} {
		w, _ := writer(t, to(server, where), nil)
		w.SetTransactFrom(1 << (10 * (len(where) % 3))) // of the lists, only one has transactions
		var seq uint64
		entries := numbered(alice, run(1, 1000)...)
		now := time.Now()
		if n := testing.AllocsPerRun(20, func() {
			for i := range entries {
				seq++
				entries[i].Seq, entries[i].Received = seq, now
			}
			if err := w.Store(context.Background(), entries, payloads(entries), func(int, error) {}); err != nil {
				t.Error(err)
			}
		}); n > 100 {
			t.Errorf("%s: %v allocations for a batch of 1,000", where, n)
		}
	}
}
