package redis_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis/redistest"
)

// A list at its limit takes nothing until workers have made room, but recognizes what it has already.
func TestMaxList(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	w, log := writer(t, to(server, "list=logs"), func(c *redis.Config) { c.MaxList = 5 })
	want(t, "fates", store(t, w, numbered(alice, run(1, 7)...)), slices.Repeat([]string{"ok"}, 7)) // one batch may pass the limit
	want(t, "repeats", store(t, w, numbered(alice, 6, 7)), []string{"repeat", "repeat"})
	done := make(chan []string)
	go func() { done <- store(t, w, numbered(alice, 7, 8)) }()
	for range 3 {
		select {
		case <-done:
			t.Fatal("taken, though the list is full")
		case <-time.After(30 * time.Millisecond):
		}
		server.Do("lpop", "logs")
	}
	want(t, "fates", <-done, []string{"repeat", "ok"})
	want(t, "list", server.List("logs"), texts(4, 8))
	if log.String() != "" {
		t.Errorf("want nothing logged: %s", log)
	}
}

// A list that holds just MaxList messages is full.
func TestMaxListReached(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	w, _ := writer(t, to(server, "list=logs"), func(c *redis.Config) { c.MaxList = 5 })
	want(t, "fates", store(t, w, numbered(alice, run(1, 5)...)), slices.Repeat([]string{"ok"}, 5))
	done := make(chan []string, 1)
	go func() { done <- store(t, w, numbered(alice, 6)) }()
	select {
	case <-done:
		t.Fatal("stored, although the list is full")
	case <-time.After(30 * time.Millisecond): // more only makes a fault more likely to be seen
	}
	server.Do("lpop", "logs")
	want(t, "fates", <-done, []string{"ok"})
}

func TestLargeBatch(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	w, _ := writer(t, to(server, "list=logs"), nil)
	var entries []message.Message
	for i := range 25_000 {
		entries = append(entries, message.Message{Sender: []string{alice, bob}[i%2], Seq: uint64(1 + i/2), Payload: fmt.Append(nil, i)})
	}
	for i := range 9 {
		entries = append(entries, message.Message{Sender: alice, Seq: uint64(20_000 + i), Payload: bytes.Repeat([]byte{'a' + byte(i)}, 1<<20)})
	}
	for i, fate := range store(t, w, entries) {
		if fate != "ok" {
			t.Fatalf("entry %d: %s", i, fate)
		}
	}
	var odd, even []string
	for _, text := range server.List("logs") {
		if n := len(text) - 1; n > 10 {
			continue
		} else if strings.Contains("13579", text[n:]) {
			odd = append(odd, text)
		} else {
			even = append(even, text)
		}
	}
	inOrder := func(all []string) bool {
		return slices.IsSortedFunc(all, func(a, b string) int { return len(a)*1e6 - len(b)*1e6 + strings.Compare(a, b) })
	}
	if len(odd) != 12_500 || len(even) != 12_500 || !inOrder(odd) || !inOrder(even) {
		t.Error("a sender's messages are not in their order")
	}
}

// The last 65,536 numbers are remembered, the memory has a bound, and it expires.
func TestMemory(t *testing.T) {
	each(t, func(t *testing.T, server *redistest.Server) {
		w, _ := writer(t, to(server, "list=logs"), func(c *redis.Config) { c.Remember = time.Hour })
		const last = 200_000
		store(t, w, numbered(alice, run(1, last)...))
		server.Do("del", "logs")
		for _, fate := range store(t, w, numbered(alice, run(last-65535, last)...)) {
			if fate != "repeat" {
				t.Fatal(fate)
			}
		}
		memory := "{logs}:stored:logs:" + alice
		fields, size, expires := server.Do("hlen", memory).(int64), server.Do("memory", "usage", memory).(int64), server.Do("pttl", memory).(int64)
		t.Logf("%d fields, %d bytes", fields, size)
		if fields != 65 || size > 16<<10 || expires <= 0 || expires > time.Hour.Milliseconds() {
			t.Errorf("%d fields, %d bytes, expires in %d ms", fields, size, expires)
		}
		if server.Do("exists", "logs") != int64(0) {
			t.Error("stored again")
		}
	})
}

// Batches of any size with numbers in any order and at any distance give what a model gives, and the memory stays
// bounded.
func TestListAgainstModel(t *testing.T) {
	each(t, func(t *testing.T, server *redistest.Server) {
		w, _ := writer(t, to(server, "list=logs"), nil)
		seed := rand.Uint64()
		random := rand.New(rand.NewPCG(seed, 0))
		model := map[uint64]bool{}
		var list []string
		next := uint64(1)
		for range 300 {
			var seqs []uint64
			for range 1 + random.IntN(300) {
				switch random.IntN(10) {
				case 0: // a repeat, or a number that was left out
					seqs = append(seqs, max(1, next-min(next-1, random.Uint64N(20000))))
				case 1:
					next += random.Uint64N(500)
				default:
					seqs = append(seqs, next)
					next++
				}
			}
			slices.SortFunc(seqs, func(a, b uint64) int { return random.IntN(3) - 1 })
			slices.Sort(seqs[:len(seqs)/2])
			seqs = unique(seqs)
			var fates []string
			for _, seq := range seqs {
				fate := "repeat"
				if !model[seq] {
					model[seq], fate = true, "ok"
					list = append(list, fmt.Sprint(seq))
				}
				fates = append(fates, fate)
			}
			if got := store(t, w, numbered(alice, seqs...)); !slices.Equal(got, fates) {
				t.Fatalf("seed %d: %v: %v, want %v", seed, seqs, got, fates)
			}
		}
		if got := server.List("logs"); !slices.Equal(got, list) {
			t.Errorf("seed %d: %d elements, want %d", seed, len(got), len(list))
		}
		if n := server.Do("hlen", "{logs}:stored:logs:"+alice).(int64); n > 65 {
			t.Errorf("the memory has %d fields", n)
		}
	})
}

func unique(seqs []uint64) (all []uint64) {
	for _, seq := range seqs {
		if !slices.Contains(all, seq) {
			all = append(all, seq)
		}
	}
	return all
}
