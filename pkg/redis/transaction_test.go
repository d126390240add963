package redis_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis/redistest"
)

// transacting makes a writer that sends a transaction for each call of two messages or more.
func transacting(t testing.TB, to string, change func(*redis.Config)) (*redis.Writer, *journal) {
	w, log := writer(t, to, change)
	w.SetTransactFrom(0)
	return w, log
}

// calls returns how often the server has executed a command.
func calls(server *redistest.Server, command string) (n int) {
	for line := range strings.Lines(server.Do("info", "commandstats").(string)) {
		fmt.Sscanf(line, "cmdstat_"+command+":calls=%d", &n)
	}
	return n
}

// Whether Lua pushes the elements or a transaction does, the fates, the list and the memory are the same, repeats and
// gaps included.
func TestTransactionsStoreTheSame(t *testing.T) {
	each(t, func(t *testing.T, server *redistest.Server) {
		random := rand.New(rand.NewPCG(1, 2))
		alone, _ := writer(t, to(server, "list=alone"), nil)
		with, _ := transacting(t, to(server, "list=with"), nil)
		for round := range 100 {
			entries := plain()
			for range 1 + random.IntN(20) {
				entries = append(entries, numbered([]string{alice, bob}[random.IntN(2)], 1+random.Uint64N(uint64(20*(round+1))))...)
			}
			entries = slices.CompactFunc(entries, func(a, b message.Message) bool { return a.Sender == b.Sender && a.Seq == b.Seq })
			want(t, fmt.Sprint("fates of round ", round), store(t, with, entries), store(t, alone, entries))
		}
		want(t, "list", server.List("with"), server.List("alone"))
		for _, sender := range []string{alice, bob} {
			fields := func(key string) map[string]string {
				return server.Client().HGetAll(t.Context(), "{"+key+"}:stored:"+key+":"+sender).Val()
			}
			if a, b := fields("alone"), fields("with"); len(a) == 0 || fmt.Sprint(a) != fmt.Sprint(b) {
				t.Errorf("memories %q and %q", a, b)
			}
		}
		if calls(server, "exec") < 50 {
			t.Errorf("%d transactions", calls(server, "exec"))
		}
	})
}

// What the script does not store is taken back, and what was in the list before stays.
func TestTransactionsTakeBack(t *testing.T) {
	each(t, func(t *testing.T, server *redistest.Server) {
		server.Do("rpush", "logs", "3", "before", "3") // an element that is there already is told from the pushed ones
		w, _ := transacting(t, to(server, "list=logs"), nil)
		other, _ := transacting(t, to(server, "list=logs"), nil)
		want(t, "fates", store(t, w, claimed(web, 1, 2, 3)), []string{"ok", "ok", "ok"})
		list := []string{"3", "before", "3", "1", "2", "3"}
		want(t, "repeats", store(t, other, claimed(web, 1, 2, 3)), []string{"repeat", "repeat", "repeat"})
		want(t, "another's", store(t, other, claimed(thief, 4, 5)), []string{otherOwner, otherOwner})
		process := web
		process.Instance, process.First = "another", 2
		store(t, w, claimed(message.Claim{Key: web.Key, Name: web.Name, Instance: "one", First: 1}, 4, 5))
		list = append(list, "4", "5")
		want(t, "used up", store(t, other, claimed(process, 6, 7)), []string{usedUp, usedUp})
		want(t, "list", server.List("logs"), list)
		for _, command := range []string{"hget", "hset", "pexpire", "hlen", "hkeys", "hdel", "rpush", "llen"} {
			server.Do("del", memoryOf("list=logs"))
			for field := range 66 { // so that all of them are used
				server.Do("hset", memoryOf("list=logs"), 100+field, "\x01")
			}
			server.Do("acl", "setuser", "default", "+@all", "-"+command)
			limited, _ := transacting(t, to(server, "list=logs"), func(c *redis.Config) { c.MaxList = 1000 })
			fates := store(t, limited, claimed(web, 1, 2))
			server.Do("acl", "setuser", "default", "+@all")
			if command != "hkeys" && !strings.Contains(fates[1], "ACL does not allow") {
				t.Errorf("without %s: %q", command, fates)
			}
			if fates[0] == "ok" {
				list = append(list, "1", "2")
			}
		}
		want(t, "list", server.List("logs"), list)
	})
}

// A list at its limit is not touched, and the transaction that may pass it does.
func TestTransactionsAndMaxList(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	w, _ := transacting(t, to(server, "list=logs"), func(c *redis.Config) { c.MaxList = 5 })
	want(t, "fates", store(t, w, numbered(alice, run(1, 4)...)), slices.Repeat([]string{"ok"}, 4))
	want(t, "fates", store(t, w, numbered(alice, run(5, 8)...)), slices.Repeat([]string{"ok"}, 4))
	done := make(chan []string, 1)
	go func() { done <- store(t, w, numbered(alice, 9, 10)) }()
	eventually(t, "the full list to be asked for its length", func() bool { return calls(server, "llen") > 3 })
	want(t, "list", server.List("logs"), texts(1, 8))
	server.Do("lpop", "logs", 4)
	want(t, "fates", <-done, []string{"ok", "ok"})
	want(t, "list", server.List("logs"), texts(5, 10))
}

// Who may not use what a transaction needs stores without it. Nothing is stored twice, whenever that turns out.
func TestTransactionsForbidden(t *testing.T) {
	each(t, func(t *testing.T, server *redistest.Server) {
		last := uint64(0)
		storeTwo := func(name string, w *redis.Writer) {
			t.Helper()
			want(t, name, store(t, w, numbered(alice, last+1, last+2)), []string{"ok", "ok"})
			last += 2
		}
		for _, command := range []string{"multi", "exec", "ltrim", "lindex"} {
			server.Do("acl", "setuser", "default", "+@all", "-"+command)
			before := calls(server, "exec")
			w, log := transacting(t, to(server, "list=logs"), nil)
			storeTwo("without "+command, w)
			storeTwo("again without "+command, w)
			storeTwo("and again without "+command, w)
			server.Do("acl", "setuser", "default", "+@all")
			if n := calls(server, "exec") - before; n > 2 || log.String() != "" { // it was asked once
				t.Errorf("without %s: %d transactions; logged: %s", command, n, log)
			}
			if command != "multi" { // see transaction
				w, _ = transacting(t, to(server, "list=logs"), nil)
				storeTwo("with "+command, w)
				server.Do("acl", "setuser", "default", "-"+command)
				storeTwo("no longer with "+command, w)
				server.Do("acl", "setuser", "default", "+@all")
			}
		}
		want(t, "list", server.List("logs"), texts(1, last))
		for _, command := range []string{"multi", "exec", "ltrim", "lindex"} {
			server := redistest.StartProgram(t, server.Program(), "--rename-command", command, "")
			w, _ := transacting(t, to(server, "list=logs"), nil)
			want(t, "renamed "+command, store(t, w, numbered(alice, 1, 2)), []string{"ok", "ok"})
			want(t, "list", server.List("logs"), texts(1, 2))
		}
	})
}

// shears is a proxy that passes on a number of bytes in each direction of a connection, and then cuts it.
type shears struct {
	net.Listener
	limits func() (there, back int64)
}

func newShears(t *testing.T, server *redistest.Server, limits func() (there, back int64)) *shears {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	s := &shears{l, limits}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			there, back := s.limits()
			go s.serve(conn, server.Addr(), there, back)
		}
	}()
	return s
}

func (s *shears) serve(conn net.Conn, addr string, there, back int64) {
	defer conn.Close()
	upstream, err := net.Dial("tcp", addr)
	if err != nil {
		return
	}
	defer upstream.Close()
	go func() {
		io.CopyN(upstream, conn, there)
		conn.Close()
		upstream.Close()
	}()
	io.CopyN(conn, upstream, back)
}

// Wherever a connection is cut, each message is in the list once, and in its order.
func TestTransactionsCut(t *testing.T) {
	each(t, func(t *testing.T, server *redistest.Server) {
		random := rand.New(rand.NewPCG(3, 4))
		proxy := newShears(t, server, func() (there, back int64) {
			return 300 + random.Int64N(60_000), 100 + random.Int64N(2_000) // a session begins with less
		})
		w, _ := transacting(t, "redis://"+proxy.Addr().String()+"?list=logs", nil)
		const batches, size = 150, 20
		for n := range uint64(batches) {
			want(t, "fates", store(t, w, numbered(alice, run(n*size+1, (n+1)*size)...)), slices.Repeat([]string{"ok"}, size))
		}
		want(t, "list", server.List("logs"), texts(1, batches*size))
	})
}

// narrow is a proxy that ends a connection at a transaction of more than a number of bytes, as Redis 8 does at its
// client-query-buffer-limit.
func narrow(t *testing.T, server *redistest.Server, limit int) (addr string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	serve := func(conn, upstream net.Conn) {
		defer conn.Close()
		defer upstream.Close()
		go func() {
			io.Copy(conn, upstream)
			conn.Close()
		}()
		var transaction []byte // from MULTI on
		for buf := make([]byte, 1000); ; {
			n, err := conn.Read(buf)
			if err != nil {
				return
			}
			transaction = append(transaction, buf[:n]...)
			if i := bytes.LastIndex(transaction, []byte("exec\r\n")); i >= 0 {
				transaction = transaction[i+len("exec\r\n"):]
			}
			if i := bytes.Index(transaction, []byte("multi\r\n")); i < 0 {
				transaction = transaction[max(0, len(transaction)-len("multi\r\n")):]
			} else if len(transaction)-i > limit {
				return
			}
			if _, err := upstream.Write(buf[:n]); err != nil {
				return
			}
		}
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			upstream, err := net.Dial("tcp", server.Addr())
			if err != nil {
				conn.Close()
				return
			}
			go serve(conn, upstream)
		}
	}()
	return l.Addr().String()
}

// Where Redis ends the connection at a large transaction, the messages are stored without one, uncut, and no such
// transaction is tried again.
func TestTransactionsTooLargeForRedis(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	w, log := transacting(t, "redis://"+narrow(t, server, 50_000)+"?list=logs", nil)
	var stored []string
	next := uint64(1)
	for _, count := range []int{10, 60, 60, 10, 70, 10} {
		var entries []message.Message
		for range count {
			text := fmt.Sprint(next, strings.Repeat("x", 1000))
			entries = append(entries, message.Message{Sender: alice, Seq: next, Payload: []byte(text)})
			stored = append(stored, text)
			next++
		}
		want(t, "fates", store(t, w, entries), slices.Repeat([]string{"ok"}, count))
	}
	want(t, "list", server.List("logs"), stored)
	if text := log.String(); strings.Count(text, "client-query-buffer-limit") != 1 || w.Truncated() != 0 {
		t.Errorf("%d are cut; logged: %s", w.Truncated(), text)
	}
	if n := calls(server, "exec"); n < 3 {
		t.Errorf("%d transactions, want those of the small batches", n)
	}
}
