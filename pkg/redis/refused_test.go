package redis_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis/redistest"
)

func TestWrongType(t *testing.T) {
	each(t, func(t *testing.T, server *redistest.Server) {
		server.Do("set", "logs", "a string")
		server.Do("set", "{list}:stored:list:"+alice, "a string")
		for _, where := range []string{"list=logs", "stream=logs", "list=list"} {
			w, log := writer(t, to(server, where), nil)
			fates := store(t, w, numbered(alice, 1))
			if !strings.Contains(fates[0], "WRONGTYPE") || !strings.Contains(log.String(), "messages are refused") {
				t.Errorf("%s: %v\n%s", where, fates, log)
			}
		}
		w, log := writer(t, to(server, "list=logs"), nil)
		store(t, w, numbered(alice, 1))
		server.Do("del", "logs")
		want(t, "later", store(t, w, numbered(alice, 1)), []string{"ok"}) // nothing was remembered of what was refused
		if !strings.Contains(log.String(), "no longer refused") {
			t.Error(log)
		}
	})
}

// A message without a sender has nobody to answer: it waits, unless only its topic's key is at fault.
func TestWrongTypeWithoutSender(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	server.Do("set", "logs", "a string")
	w, log := writer(t, to(server, "list=logs"), nil)
	done := make(chan []string, 1)
	go func() { done <- store(t, w, plain("x")) }()
	eventually(t, "a reason", func() bool { return strings.Contains(log.String(), "WRONGTYPE") })
	server.Do("del", "logs")
	want(t, "fates", <-done, []string{"ok"})

	server.Do("set", "logs.a", "a string")
	w, _ = writer(t, to(server, "list=logs.{topic}"), nil)
	entries := plain("x", "y")
	entries[0].Topic, entries[1].Topic = []byte("a"), []byte("b")
	fates := store(t, w, entries)
	if !strings.Contains(fates[0], "WRONGTYPE") || fates[1] != "ok" {
		t.Error(fates)
	}
}

// Whatever command a user may not use, it fails before anything is stored: the data and the memory stay together.
func TestPermissions(t *testing.T) {
	each(t, func(t *testing.T, server *redistest.Server) {
		seq := uint64(0)
		for _, where := range []string{"list=logs", "stream=entries"} {
			for _, command := range []string{"hget", "hset", "pexpire", "hlen", "rpush", "xadd", "evalsha"} {
				if where == "list=logs" && command == "xadd" || where == "stream=entries" && command == "rpush" {
					continue
				}
				server.Do("acl", "setuser", "default", "+@all", "-"+command)
				w, _ := writer(t, to(server, where), nil)
				seq += 1024 // a new field of the memory
				if fates := store(t, w, numbered(alice, seq)); !strings.Contains(fates[0], "ACL does not allow") {
					t.Errorf("without %s: %v", command, fates)
				}
				server.Do("acl", "setuser", "default", "+@all")
				want(t, "with "+command, store(t, w, numbered(alice, seq)), []string{"ok"})
			}
		}
		if list, stream := server.Do("llen", "logs"), server.Do("xlen", "entries"); list != int64(6) || stream != int64(6) {
			t.Errorf("%v and %v messages, want 6 and 6", list, stream)
		}
	})
}

func TestPasswords(t *testing.T) {
	each(t, func(t *testing.T, server *redistest.Server) {
		server.Do("acl", "setuser", "bob", "on", ">geheim", "~*", "&*", "+@all")
		server.Do("config", "set", "requirepass", "secret")
		file := filepath.Join(t.TempDir(), "password")
		password := func(text string) func(*redis.Config) {
			return func(c *redis.Config) { c.Password = text }
		}
		fromFile := func(c *redis.Config) { c.Password, c.PasswordFile = "not this one", file }
		write := func(text string) {
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range []struct {
			user   string
			change func(*redis.Config)
			want   string
		}{
			{"", nil, "it wants a password"},
			{"", password("wrong"), "user or the password is wrong"},
			{"bob@", password("secret"), "user or the password is wrong"},
			{"carol@", password("secret"), "user or the password is wrong"},
			{"", password("secret"), "ok"},
			{"bob@", password("geheim"), "ok"},
		} {
			w, log := writer(t, strings.Replace(to(server, "list=logs"), "//", "//"+c.user, 1), c.change)
			fates := store(t, w, numbered(alice, 1))
			ok := fates[0] == "ok" || fates[0] == "repeat"
			if ok != (c.want == "ok") || !ok && !strings.Contains(fates[0], c.want) || strings.Contains(fates[0]+log.String(), "secret") {
				t.Errorf("%v, want %s\n%s", fates, c.want, log)
			}
		}
		write("wrong\n")
		w, _ := writer(t, to(server, "list=logs"), fromFile)
		if fates := store(t, w, numbered(alice, 2)); !strings.Contains(fates[0], "WRONGPASS") {
			t.Error(fates)
		}
		write("secret\n") // it is read for each connection
		want(t, "mended", store(t, w, numbered(alice, 2)), []string{"ok"})
	})
}

func TestNoSuchDatabase(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	w, _ := writer(t, "redis://"+server.Addr()+"/99?list=logs", nil)
	if fates := store(t, w, numbered(alice, 1)); !strings.Contains(fates[0], "no such database") {
		t.Error(fates)
	}
	w, _ = writer(t, "redis://"+server.Addr()+"/3?list=logs", nil)
	want(t, "fates", store(t, w, numbered(alice, 1)), []string{"ok"})
	if text := server.Do("info", "keyspace").(string); !strings.Contains(text, "db3:") {
		t.Error(text)
	}
}

func TestEvictionIsWarnedOf(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--maxmemory", "100mb", "--maxmemory-policy", "volatile-lru")
	w, log := writer(t, to(server, "list=logs"), nil)
	store(t, w, numbered(alice, 1))
	store(t, w, numbered(alice, 2))
	if strings.Count(log.String(), "maxmemory-policy is volatile-lru") != 1 {
		t.Error(log)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	server.Do("rpush", "logs", "x")
	check := func(where string) error {
		target, err := redis.ParseTarget(to(server, where))
		if err != nil {
			t.Fatal(err)
		}
		return redis.Check(context.Background(), redis.Config{Target: target, Logger: discard})
	}
	for where, wrong := range map[string]string{
		"list=logs": "", "list=new": "", "channel=c": "", "list=a.{topic}": "", "stream=logs": "holds a list and not a stream",
	} {
		if err := check(where); (err == nil) != (wrong == "") || err != nil && !strings.Contains(err.Error(), wrong) {
			t.Errorf("%s: %v", where, err)
		}
	}
	server.Kill()
	if err := check("list=logs"); err == nil || !strings.Contains(err.Error(), "cannot be reached") {
		t.Error(err)
	}
}

// What is stored and waits for replicas cannot be refused: it waits, and the log says why.
func TestWaitIsNotAllowed(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	server.Do("acl", "setuser", "default", "-wait")
	w, log := writer(t, to(server, "list=logs"), func(c *redis.Config) { c.Replicas = 1 })
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan []string, 1)
	go func() {
		fates, _ := try(ctx, t, w, numbered(alice, 1))
		done <- fates
	}()
	eventually(t, "a reason", func() bool { return strings.Contains(log.String(), "NOPERM") })
	cancel()
	want(t, "fates", <-done, []string{""})
	want(t, "list", server.List("logs"), []string{"1"})
}

// Whatever else is written into the memory, nothing is remembered that is not stored.
func TestMemoryMeddledWith(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	w, _ := writer(t, to(server, "list=logs"), nil)
	for n := range uint64(65) {
		store(t, w, numbered(alice, n*1024+1))
	}
	server.Do("hset", "{logs}:stored:logs:"+alice, "x", "y")
	want(t, "fates", store(t, w, numbered(alice, 65*1024+1)), []string{"ok"})
	want(t, "list", server.List("logs")[65:], []string{fmt.Sprint(65*1024 + 1)})
}

// Lists with similar names do not share a memory.
func TestNoTwoKeysShareAMemory(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	for _, where := range []string{"list=logs", "list={logs}", "list=logs.*", "list=logs.{topic}", "stream=s"} {
		w, _ := writer(t, to(server, where), nil)
		want(t, where, store(t, w, numbered(alice, 1)), []string{"ok"})
	}
}

func TestPlainServerAndCluster(t *testing.T) {
	t.Parallel()
	plain, node := redistest.Start(t), redistest.Start(t, "--cluster-enabled", "yes")
	node.Do("cluster", "addslotsrange", 0, 1000)
	for url, says := range map[string]string{
		"redis+cluster://" + plain.Addr() + "?list=logs": "write redis://",
		"redis://" + node.Addr() + "/1?list=logs":        "write redis+cluster://",
	} {
		w, _ := writer(t, url, nil)
		if fates := store(t, w, numbered(alice, 1)); !strings.Contains(fates[0], says) {
			t.Errorf("%s: %v", url, fates)
		}
	}
}
