package redis_test

import (
	"strings"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis/redistest"
)

// key40 returns what has the form of a key in Z85.
func key40(c string) string { return strings.Repeat(c, 40) }

var (
	web     = message.Claim{Key: key40("a"), Name: "web 1"}
	rotated = message.Claim{Key: key40("b"), Name: "web 1"}
	thief   = message.Claim{Key: key40("c"), Name: "thief"}
	nobody  = message.Claim{}

	otherOwner = (&message.ClaimError{Kind: message.OtherOwner}).Error()
	usedUp     = (&message.ClaimError{Kind: message.UsedUp}).Error()
)

// claimed makes messages of alice with a claim.
func claimed(claim message.Claim, seqs ...uint64) []message.Message {
	entries := numbered(alice, seqs...)
	for i := range entries {
		entries[i].Claim = &claim
	}
	return entries
}

// Who has a sender id first in Redis has it for all imzmq that write there, also after they have forgotten it.
func TestTwoWritersAgreeOnOwners(t *testing.T) {
	each(t, func(t *testing.T, server *redistest.Server) {
		for _, where := range []string{"list=logs", "stream=s"} {
			server.Do("flushall")
			one, _ := writer(t, to(server, where), nil)
			two, log := writer(t, to(server, where), nil)
			for _, step := range []struct {
				name string
				w    *redis.Writer
				of   message.Claim
				seq  uint64
				fate string
			}{
				{"in clear, as ever", one, nobody, 1, "ok"},
				{"the first key adopts the id", one, web, 2, "ok"},
				{"another is refused", two, thief, 3, otherOwner},
				{"and learns nothing", two, thief, 2, otherOwner},
				{"in clear no more", two, nobody, 3, otherOwner},
				{"a key with its name", two, rotated, 2, "repeat"},
				{"stores, too", two, rotated, 3, "ok"},
				{"and owns the id", one, message.Claim{Key: rotated.Key}, 4, "ok"},
				{"alone", one, web, 5, otherOwner},
			} {
				if got := store(t, step.w, claimed(step.of, step.seq)); got[0] != step.fate {
					t.Errorf("%s: %s: %q", where, step.name, got)
				}
			}
			if ttl := server.Do("pttl", memoryOf(where)).(int64); ttl <= 0 {
				t.Errorf("the owner is remembered for %d ms", ttl)
			}
			if text := log.String(); strings.Contains(text, "redis:") {
				t.Errorf("Redis is blamed: %s", text)
			}
		}
	})
}

func memoryOf(where string) string {
	_, key, _ := strings.Cut(where, "=")
	return "{" + key + "}:stored:" + key + ":" + alice
}

// The owner's name reaches the log, and not the sender.
func TestTheOwnerIsNamed(t *testing.T) {
	each(t, func(t *testing.T, server *redistest.Server) {
		w, _ := writer(t, to(server, "list=logs"), nil)
		store(t, w, claimed(web, 1))
		entries := claimed(thief, 2)
		var got error
		if err := w.Store(t.Context(), entries, payloads(entries), func(_ int, refusal error) { got = refusal }); err != nil {
			t.Fatal(err)
		}
		if why, ok := got.(*message.ClaimError); !ok || why.Owner != "web 1" {
			t.Errorf("refused with %#v", got)
		}
	})
}

// A process that begins with numbers that another one has used is refused, through whichever imzmq. One that follows
// another, which is dead, is not.
func TestTwoWritersNoticeUsedNumbers(t *testing.T) {
	each(t, func(t *testing.T, server *redistest.Server) {
		one, _ := writer(t, to(server, "list=logs"), nil)
		two, _ := writer(t, to(server, "list=logs"), nil)
		process := func(instance string, first uint64) message.Claim {
			return message.Claim{Instance: instance, First: first}
		}
		for _, step := range []struct {
			name string
			w    *redis.Writer
			of   message.Claim
			seqs []uint64
			fate string
		}{
			{"the first", one, process("a", 1), []uint64{1, 2, 3000}, "ok"},
			{"its successor repeats", two, process("b", 3001), []uint64{2, 3000}, "repeat"},
			{"and goes on", two, process("b", 3001), []uint64{5, 3001}, "ok"},
			{"also elsewhere", one, process("b", 3001), []uint64{3002}, "ok"},
			{"a clone of the first", two, process("c", 3000), []uint64{3003}, usedUp},
			{"which does not take repeats for its own", two, process("c", 3002), []uint64{3002}, usedUp},
			{"the first does not come back", one, process("a", 1), []uint64{3003}, usedUp},
			{"what a dead one has left", two, process("e", 0), []uint64{2}, "repeat"},
			{"is no new number", two, process("e", 0), []uint64{4}, "ok"},
			{"the next one", one, process("d", 3003), []uint64{3003}, "ok"},
		} {
			for i, got := range store(t, step.w, claimed(step.of, step.seqs...)) {
				if got != step.fate {
					t.Errorf("%s: %d: %q", step.name, step.seqs[i], got)
				}
			}
		}
		want(t, "the list", server.List("logs"), []string{"1", "2", "3000", "5", "3001", "3002", "4", "3003"})
	})
}

// An imzmq from before it knew processes has left numbers in Redis, and no process: a sender that lives, and gave them
// out, goes on.
func TestNumbersWithoutAProcess(t *testing.T) {
	each(t, func(t *testing.T, server *redistest.Server) {
		w, _ := writer(t, to(server, "list=logs"), nil)
		store(t, w, claimed(nobody, 1, 2, 3)) // leaves what such an imzmq did
		lives := message.Claim{Instance: "a", First: 1}
		want(t, "fates", store(t, w, claimed(lives, 3, 4)), []string{"repeat", "ok"})
		want(t, "fates", store(t, w, claimed(message.Claim{Instance: "b", First: 4}, 5)), []string{usedUp})
		want(t, "fates", store(t, w, claimed(lives, 5)), []string{"ok"})
	})
}

// What a memory holds beside the numbers takes no number's place, and what cannot be stored claims nothing.
func TestClaimsTakeNoPlace(t *testing.T) {
	each(t, func(t *testing.T, server *redistest.Server) {
		w, _ := writer(t, to(server, "list=logs"), nil)
		claim := web
		claim.Instance, claim.First = "a", 1
		server.Do("set", "logs", "no list")
		if got := store(t, w, claimed(claim, 1)); !strings.Contains(got[0], "holds something else") {
			t.Fatalf("%q", got)
		}
		server.Do("del", "logs")
		for field := range uint64(70) {
			store(t, w, claimed(claim, field*1024+1))
		}
		if n := server.Do("hlen", memoryOf("list=logs")); n != int64(67) {
			t.Errorf("%v fields, want 65 and two", n)
		}
		want(t, "fates", store(t, w, claimed(claim, 5*1024+1, 69*1024+1)), []string{"repeat", "repeat"})
		server.Do("del", "logs", memoryOf("list=logs"))
		server.Do("set", "logs", "no list")
		store(t, w, claimed(thief, 1))
		server.Do("del", "logs")
		want(t, "fates", store(t, w, claimed(web, 1)), []string{"ok"})
	})
}

func TestStreamsHaveUsers(t *testing.T) {
	each(t, func(t *testing.T, server *redistest.Server) {
		w, _ := writer(t, to(server, "stream=s&maxlen=2"), nil)
		store(t, w, []message.Message{{Payload: []byte("old")}, {Payload: []byte("a"), User: "web 1", Received: time.Now()}, {Payload: []byte("b")}})
		entries := server.Do("xrange", "s", "-", "+").([]any)
		if len(entries) != 2 {
			t.Fatalf("%d entries", len(entries))
		}
		first, second := entries[0].([]any)[1].([]any), entries[1].([]any)[1].([]any)
		if len(first) != 14 || first[12] != "user" || first[13] != "web 1" || len(second) != 12 {
			t.Errorf("entries %q", entries)
		}
	})
}
