package redis_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis/redistest"
)

const mib = 1 << 20

// large makes messages of these sizes, of the sender if there is one.
func large(sender string, sizes ...int) (batch []message.Message) {
	for i, size := range sizes {
		m := message.Message{Payload: []byte(strings.Repeat(string(rune('a'+i)), size))}
		if sender != "" {
			m.Sender, m.Seq = sender, uint64(i+1)
		}
		batch = append(batch, m)
	}
	return batch
}

func sizes(texts []string) (all []int) {
	for _, text := range texts {
		all = append(all, len(text))
	}
	return all
}

// A message over a limit of Redis, which ends the connection at it, is cut to what fits. Everything else is stored as
// it is, in order, once.
func TestMessagesThatAreTooLongForRedis(t *testing.T) {
	for _, limit := range []string{"proto-max-bulk-len", "client-query-buffer-limit"} {
		for _, sender := range []string{alice, ""} {
			name := fmt.Sprintf("%s %.4s", limit, sender)
			t.Run(name, func(t *testing.T) {
				each(t, func(t *testing.T, server *redistest.Server) {
					server.Do("config", "set", limit, mib)
					w, log := writer(t, to(server, "list=logs"), nil)
					// A part of a batch has 4 MiB, so that the messages are stored in several.
					fates := store(t, w, large(sender, 10, mib+1, 10, 3*mib, 1000, mib-1000, 5*mib, 10))
					if slices.ContainsFunc(fates, func(s string) bool { return s != "ok" }) {
						t.Errorf("fates %q", fates)
					}
					got := sizes(server.List("logs"))
					for i, want := range []int{10, mib, 10, mib, 1000, mib - 1000, mib, 10} {
						// What is halved until it fits has more than half of the limit.
						if i >= len(got) || got[i] != want && (want != mib || got[i] < mib/2 || got[i] > mib) {
							t.Fatalf("sizes %d", got)
						}
					}
					if text := log.String(); w.Truncated() != 3 || strings.Count(text, "message cut") != 1 ||
						!strings.Contains(text, "proto-max-bulk-len") || !strings.Contains(text, fmt.Sprint("size=", mib+1)) {
						t.Errorf("%d counted as cut; logged:\n%s", w.Truncated(), text)
					}
				})
			})
		}
	}
}

// The same for the other kinds.
func TestStreamsAndChannelsTakeLongMessages(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--proto-max-bulk-len", fmt.Sprint(mib))
	for _, kind := range []string{"stream=s", "channel=c"} {
		w, log := writer(t, to(server, kind), nil)
		fates := store(t, w, large(alice, 10, 2*mib, 10))
		want(t, "fates", fates, []string{"ok", "ok", "ok"})
		if w.Truncated() != 1 {
			t.Errorf("%s: %d counted as cut; logged:\n%s", kind, w.Truncated(), log)
		}
	}
	entries, err := server.Client().XRange(t.Context(), "s", "-", "+").Result()
	if err != nil || len(entries) != 3 {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	if n := len(entries[1].Values["message"].(string)); n < mib/2 || n > mib {
		t.Errorf("%d bytes of it are stored", n)
	}
}

// One lost answer is no reason to cut anything.
func TestLostAnswerCutsNothing(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	proxy := newAnswerless(t, server)
	w, log := writer(t, "redis://"+proxy.Addr().String()+"?list=logs", nil)
	store(t, w, numbered(bob, 1)) // the script is known now
	proxy.lose.Store(1)
	want(t, "fates", store(t, w, large(alice, 2*mib)), []string{"ok"})
	if got := sizes(server.List("logs")); !slices.Equal(got, []int{1, 2 * mib}) || w.Truncated() != 0 {
		t.Errorf("sizes %d; logged:\n%s", got, log)
	}
}

// A key of the wrong type is refused, however long the message is.
func TestWrongTypeRefusesLongMessages(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--proto-max-bulk-len", fmt.Sprint(mib))
	server.Do("set", "logs", "a string")
	w, _ := writer(t, to(server, "list=logs"), nil)
	for i, fate := range store(t, w, large(alice, 10, 2*mib)) {
		if !strings.Contains(fate, "WRONGTYPE") {
			t.Errorf("message %d: %s", i, fate)
		}
	}
}
