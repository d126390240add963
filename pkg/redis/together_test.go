package redis_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis/redistest"
)

// crowd makes a message with number seq of each of the senders from first to last. Their texts are "sender/seq".
func crowd(first, last int, seq uint64) (entries []message.Message) {
	for n := first; n <= last; n++ {
		entries = append(entries, message.Message{Sender: senderID(n), Seq: seq, Payload: fmt.Appendf(nil, "%d/%d", n, seq)})
	}
	return entries
}

func senderID(n int) string { return fmt.Sprintf("01%030x", n) }

// crowdTexts returns the texts of crowd's messages.
func crowdTexts(first, last int, seq uint64) (all []string) {
	for n := first; n <= last; n++ {
		all = append(all, fmt.Sprintf("%d/%d", n, seq))
	}
	return all
}

func all(fate string, n int) []string { return slices.Repeat([]string{fate}, n) }

// elements returns the texts that are stored under "logs".
func elements(t *testing.T, server *redistest.Server, kind string) (texts []string) {
	if kind == "list" {
		return server.List("logs")
	}
	entries, err := server.Client().XRange(t.Context(), "logs", "-", "+").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		text := e.Values["message"].(string)
		if n, _ := strconv.Atoi(strings.Split(text, "/")[0]); e.Values["sender"] != senderID(n) {
			t.Errorf("%q has the fields %v", text, e.Values)
		}
		texts = append(texts, text)
	}
	return texts
}

func memoryOfSender(n int) string { return "{logs}:stored:logs:" + senderID(n) }

// Many senders with one message each are one call of a script.
func TestManySendersAreOneCall(t *testing.T) {
	each(t, func(t *testing.T, server *redistest.Server) {
		for _, kind := range []string{"list", "stream"} {
			server.Do("flushall")
			w, _ := writer(t, to(server, kind+"=logs"), nil)
			const senders, rounds = 100, 20
			var stored []string
			claims := []message.Claim{{}, web, {Instance: "one", First: 1}, {Key: key40("d"), Instance: "two", First: 1}, {Instance: "old"}}
			for seq := range uint64(rounds) {
				if seq == 1 { // the first time they have no memory
					server.Do("config", "resetstat")
				}
				entries := crowd(1, senders, seq+1)
				for i := range entries {
					entries[i].Claim = &claims[i%len(claims)]
				}
				want(t, "fates", store(t, w, entries), all("ok", senders))
				stored = append(stored, crowdTexts(1, senders, seq+1)...)
			}
			want(t, kind, elements(t, server, kind), stored)
			if n := calls(server, "evalsha"); n != rounds-1 || calls(server, "eval") > 0 {
				t.Errorf("%s: %d and %d calls of a script for %d rounds", kind, n, calls(server, "eval"), rounds-1)
			}
			if ttl := server.Do("pttl", memoryOfSender(1)).(int64); ttl <= 0 {
				t.Errorf("a memory expires after %d ms", ttl)
			}
		}
	})
}

// What is unusual about one sender does not concern the others of its round.
func TestManySendersAndOneThatIsUnusual(t *testing.T) {
	each(t, func(t *testing.T, server *redistest.Server) {
		for _, kind := range []string{"list", "stream"} {
			server.Do("flushall")
			w, _ := writer(t, to(server, kind+"=logs"), nil)
			other, _ := writer(t, to(server, kind+"=logs"), nil)
			stored := crowdTexts(1, 3, 1)
			first := crowd(1, 3, 1)
			first[1].Claim = &web
			want(t, "fates", store(t, w, first), all("ok", 3))
			next := func(seq uint64, change func(m *message.Message)) []message.Message {
				entries := crowd(1, 3, seq)
				entries[1].Claim = &web
				change(&entries[1])
				return entries
			}
			mine := func(*message.Message) {}
			for _, step := range []struct {
				name   string
				w      *redis.Writer
				seq    uint64
				change func(m *message.Message)
				fate   string
			}{
				{"as ever", w, 2, mine, "ok"},
				{"as ever, through another imzmq", other, 3, mine, "ok"},
				{"another's", other, 4, func(m *message.Message) { m.Claim = &thief }, otherOwner},
				{"in clear", w, 5, func(m *message.Message) { m.Claim = nil }, otherOwner},
				{"a repeat", w, 6, func(m *message.Message) { m.Seq = 3 }, "repeat"},
				{"a new key", w, 7, func(m *message.Message) { m.Claim = &rotated }, "ok"},
				{"a process", w, 8, func(m *message.Message) {
					m.Claim = &message.Claim{Key: rotated.Key, Name: rotated.Name, Instance: "one", First: 8}
				}, "ok"},
				{"another process with used numbers", other, 9, func(m *message.Message) {
					m.Claim = &message.Claim{Key: rotated.Key, Name: rotated.Name, Instance: "two", First: 8}
				}, usedUp},
				{"one that only sends what was left", other, 10, func(m *message.Message) {
					m.Claim = &message.Claim{Key: rotated.Key, Name: rotated.Name, Instance: "two"}
				}, "ok"},
				{"far ahead", w, 11, func(m *message.Message) { m.Seq = 1 << 40 }, "ok"},
			} {
				entries := next(step.seq, step.change)
				text := string(entries[1].Payload)
				want(t, kind+": "+step.name, store(t, step.w, entries), []string{"ok", step.fate, "ok"})
				left := fmt.Sprintf("1/%d 3/%d", step.seq, step.seq)
				if step.fate == "ok" {
					left += " " + text
				}
				stored = append(stored, strings.Fields(left)...)
			}
			got := elements(t, server, kind)
			slices.Sort(got)
			slices.Sort(stored)
			want(t, kind, got, stored)
		}
	})
}

// Two processes with one id have one memory: what they send in one round is stored once.
func TestManySendersWithOneMemory(t *testing.T) {
	each(t, func(t *testing.T, server *redistest.Server) {
		w, _ := writer(t, to(server, "list=logs"), nil)
		entries := append(crowd(1, 1, 1), crowd(1, 1, 1)...)
		entries[0].Claim, entries[1].Claim = &message.Claim{Instance: "one"}, &message.Claim{Instance: "two"}
		want(t, "at first", store(t, w, entries), []string{"ok", "repeat"})
		for seq := uint64(2); seq < 5; seq++ {
			entries[0].Seq, entries[1].Seq = seq, seq
			want(t, "then", store(t, w, entries), []string{"ok", "repeat"})
			want(t, "again", store(t, w, entries), []string{"repeat", "repeat"})
			entries[1].Seq = 100 + seq
			want(t, "another", store(t, w, entries[1:]), []string{"ok"})
			entries[0].Seq = 200 + seq
			entries[1].Seq = 300 + seq
			want(t, "both", store(t, w, entries), []string{"ok", "ok"})
			want(t, "both again", store(t, w, entries), []string{"repeat", "repeat"})
		}
	})
}

// A full list takes nothing of anybody, and repeats are told from it.
func TestManySendersAndMaxList(t *testing.T) {
	each(t, func(t *testing.T, server *redistest.Server) {
		w, _ := writer(t, to(server, "list=logs"), func(c *redis.Config) { c.MaxList = 6 })
		want(t, "fates", store(t, w, crowd(1, 3, 1)), all("ok", 3))
		want(t, "fates", store(t, w, crowd(1, 3, 2)), all("ok", 3))
		want(t, "repeats", store(t, w, crowd(1, 3, 1)), all("repeat", 3))
		ctx, cancel := context.WithCancel(t.Context())
		entries := append(crowd(1, 2, 1), crowd(3, 4, 3)...)
		done := make(chan []string, 1)
		go func() {
			fates, _ := try(ctx, t, w, entries)
			done <- fates
		}()
		eventually(t, "the full list to be asked for its length", func() bool { return calls(server, "llen") > 10 })
		cancel()
		want(t, "while it is full", <-done, []string{"repeat", "repeat", "", ""})
		want(t, "list", server.List("logs"), append(crowdTexts(1, 3, 1), crowdTexts(1, 3, 2)...))
		server.Do("ltrim", "logs", 3, -1)
		w, _ = writer(t, to(server, "list=logs"), func(c *redis.Config) { c.MaxList = 6 })
		want(t, "with room", store(t, w, entries), []string{"repeat", "repeat", "ok", "ok"})
	})
}

// What Redis does not allow changes neither data nor memory, and the error is each sender's.
func TestManySendersForbidden(t *testing.T) {
	each(t, func(t *testing.T, server *redistest.Server) {
		for _, kind := range []string{"list", "stream"} {
			server.Do("flushall")
			w, _ := writer(t, to(server, kind+"=logs"), func(c *redis.Config) {
				if kind == "list" {
					c.MaxList = 1000
				}
			})
			stored := crowdTexts(1, 5, 1)
			want(t, "fates", store(t, w, crowd(1, 5, 1)), all("ok", 5))
			memories := func() (all []string) {
				for n := 1; n <= 5; n++ {
					all = append(all, server.Client().HGet(t.Context(), memoryOfSender(n), "0").Val())
				}
				return all
			}
			push := map[string][]string{"list": {"rpush", "llen"}, "stream": {"xadd"}}
			for i, command := range append(push[kind], "hget", "hset", "pexpire") {
				before := memories()
				server.Do("acl", "setuser", "default", "-"+command)
				fates := store(t, w, crowd(1, 5, uint64(i+2)))
				server.Do("acl", "setuser", "default", "+"+command)
				for _, fate := range fates {
					if !strings.Contains(fate, "ACL does not allow") {
						t.Errorf("without %s: %q", command, fates)
					}
				}
				want(t, "memory without "+command, memories(), before)
				want(t, kind, elements(t, server, kind), stored)
			}
			server.Do("acl", "setuser", "default", "resetkeys", "~logs", "~"+memoryOfSender(1), "%R~*")
			fates := store(t, w, crowd(1, 5, 10))
			server.Do("acl", "setuser", "default", "~*")
			if fates[0] != "ok" || !strings.Contains(fates[1], "ACL does not allow") {
				t.Errorf("with one memory: %q", fates)
			}
			stored = append(stored, crowdTexts(1, 1, 10)...)
			want(t, kind, elements(t, server, kind), stored)
			server.Do("rename", "logs", "aside")
			server.Do("set", "logs", "a string")
			for _, fate := range store(t, w, crowd(1, 5, 20)) {
				if !strings.Contains(fate, `key "logs": the key holds something else`) {
					t.Errorf("%s: %q", kind, fate)
				}
			}
			server.Do("rename", "aside", "logs")
			want(t, "then", store(t, w, crowd(1, 5, 20)), all("ok", 5))
		}
	})
}

// A Redis that has lost its scripts is sent them again, by each of several writers.
func TestManySendersScriptLost(t *testing.T) {
	each(t, func(t *testing.T, server *redistest.Server) {
		w, log := writer(t, to(server, "list=logs"), nil)
		for seq := range uint64(5) {
			want(t, "fates", store(t, w, crowd(1, 5, seq+1)), all("ok", 5))
			server.Do("script", "flush")
		}
		if log.String() != "" {
			t.Error(log)
		}
	})
}

// Wherever a connection is cut, each message is stored once, and those of a sender in their order.
func TestManySendersCut(t *testing.T) {
	each(t, func(t *testing.T, server *redistest.Server) {
		random := rand.New(rand.NewPCG(5, 6))
		proxy := newShears(t, server, func() (there, back int64) {
			return 300 + random.Int64N(60_000), 250 + random.Int64N(600) // a session begins with less
		})
		w, _ := writer(t, "redis://"+proxy.Addr().String()+"?list=logs", nil)
		const rounds, senders = 200, 10
		for seq := range uint64(rounds) {
			want(t, "fates", store(t, w, crowd(1, senders, seq+1)), all("ok", senders))
		}
		last := map[string]int{}
		for _, text := range server.List("logs") {
			sender, number, _ := strings.Cut(text, "/")
			if last[sender]++; number != fmt.Sprint(last[sender]) {
				t.Fatalf("sender %s: %s instead of %d", sender, number, last[sender])
			}
		}
		for n := 1; n <= senders; n++ {
			if last[fmt.Sprint(n)] != rounds {
				t.Errorf("sender %d: %d messages, want %d", n, last[fmt.Sprint(n)], rounds)
			}
		}
	})
}

// Each node of a cluster is sent the script once.
func TestManySendersInACluster(t *testing.T) {
	t.Parallel()
	nodes := newCluster(t, 3)
	w, log := writer(t, "redis+cluster://"+nodes[0].Addr()+"?list=logs.{topic}", nil)
	for seq := range uint64(3) {
		entries := crowd(1, 300, seq+1)
		for i := range entries {
			entries[i].Topic = fmt.Append(nil, i%10)
		}
		want(t, "fates", store(t, w, entries), all("ok", len(entries)))
		want(t, "again", store(t, w, entries), all("repeat", len(entries)))
	}
	if log.String() != "" {
		t.Error(log)
	}
}
