package redis_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis/redistest"
)

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !holds(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

// tryUntilLogged tries to store a message, gives up when the log has the reason why it cannot be stored, and returns
// Store's error.
func tryUntilLogged(t *testing.T, w *redis.Writer, log *journal) error {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		_, err := try(ctx, t, w, numbered(alice, 1))
		ended <- err
	}()
	eventually(t, "a reason", func() bool { return log.String() != "" })
	cancel()
	return <-ended
}

// waits stores number 2 while something is wrong with the server, waits until the log has the reason, mends the server,
// and wants the message stored once and the end of the trouble in the log.
func waits(t *testing.T, server *redistest.Server, says string, mend func(), change func(*redis.Config)) {
	t.Helper()
	w, log := writer(t, to(server, "list=logs"), change)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(log)
		}
	})
	done := make(chan []string, 1)
	go func() { done <- store(t, w, numbered(alice, 2)) }()
	eventually(t, "a reason for the wait", func() bool { return strings.Contains(log.String(), says) })
	select {
	case fates := <-done:
		t.Fatalf("settled while the server was in trouble: %v", fates)
	default:
	}
	mend()
	want(t, "fates", <-done, []string{"ok"})
	want(t, "list", server.List("logs"), []string{"2"})
	if text := log.String(); strings.Count(text, says) != 1 || !strings.Contains(text, "stored again") {
		t.Errorf("want the reason once, and the end:\n%s", text)
	}
}

func TestAway(t *testing.T) {
	each(t, func(t *testing.T, server *redistest.Server) {
		server.Kill()
		waits(t, server, "it cannot be reached", func() { server.Restart() }, nil)
	})
}

func TestLoading(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--appendonly", "yes")
	pipe := server.Client().Pipeline()
	for i := range 50_000 {
		pipe.Set(t.Context(), fmt.Sprint("key", i), i, 0)
	}
	if _, err := pipe.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	server.Kill()
	server.Restart("--key-load-delay", "100") // µs per key; it serves connections after every 1,024
	waits(t, server, "it is loading its data", func() { server.Do("config", "set", "key-load-delay", 0) }, nil)
}

func TestReadOnlyReplica(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	server.Do("replicaof", "127.0.0.1", "1")
	waits(t, server, "READONLY", func() { server.Do("replicaof", "no", "one") }, nil)
}

func TestReplicaWithoutMaster(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--replica-serve-stale-data", "no")
	server.Do("replicaof", "127.0.0.1", "1")
	waits(t, server, "MASTERDOWN", func() { server.Do("replicaof", "no", "one") }, nil)
}

func TestOutOfMemory(t *testing.T) {
	each(t, func(t *testing.T, server *redistest.Server) {
		server.Do("config", "set", "maxmemory", 1)
		waits(t, server, "it is out of memory", func() { server.Do("config", "set", "maxmemory", 0) }, nil)
	})
}

func TestDiskBroken(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	folder := server.Do("config", "get", "dir").([]any)[1].(string)
	if err := os.Mkdir(filepath.Join(folder, "dump.rdb"), 0o700); err != nil {
		t.Fatal(err)
	}
	server.Do("config", "set", "save", "3600 1")
	server.Do("bgsave")
	eventually(t, "a failure", func() bool {
		return strings.Contains(server.Do("info", "persistence").(string), "rdb_last_bgsave_status:err")
	})
	waits(t, server, "it cannot save its data", func() { server.Do("config", "set", "stop-writes-on-bgsave-error", "no") }, nil)
}

func TestTooFewReplicas(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--min-replicas-to-write", "1")
	waits(t, server, "NOREPLICAS", func() { server.Do("config", "set", "min-replicas-to-write", 0) }, nil)
}

func TestBusyScript(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--busy-reply-threshold", "1")
	ended := make(chan error, 1)
	go func() { ended <- server.Client().Do(context.Background(), "eval", "while true do end", 0).Err() }()
	eventually(t, "a busy server", func() bool {
		err := server.Client().Do(context.Background(), "get", "x").Err()
		return err != nil && strings.HasPrefix(err.Error(), "BUSY ")
	})
	waits(t, server, "it is busy", func() { server.Do("script", "kill") }, nil)
	<-ended
}

// A server that is stopped for longer than Timeout continues with what it was sent before, and then gets it again.
func TestSilence(t *testing.T) {
	each(t, func(t *testing.T, server *redistest.Server) {
		server.Signal(syscall.SIGSTOP)
		waits(t, server, "it cannot be reached", func() { server.Signal(syscall.SIGCONT) }, func(c *redis.Config) { c.Timeout = 50 * time.Millisecond })
	})
}

// answerless is a proxy that loses answers: lose times, it closes a connection in place of passing on an answer.
type answerless struct {
	net.Listener
	lose atomic.Int64
}

func newAnswerless(t *testing.T, server *redistest.Server) *answerless {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	p := &answerless{Listener: l}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(conn, server.Addr())
		}
	}()
	return p
}

func (p *answerless) serve(conn net.Conn, addr string) {
	defer conn.Close()
	upstream, err := net.Dial("tcp", addr)
	if err != nil {
		return
	}
	defer upstream.Close()
	go func() { io.Copy(upstream, conn); upstream.Close() }()
	buf := make([]byte, 64<<10)
	for {
		n, err := upstream.Read(buf)
		answer := buf[0] == ':' || strings.Contains(string(buf[:n]), "*4\r\n") // the script's, or a transaction's
		if err != nil || answer && p.lose.Add(-1) >= 0 {
			return
		}
		conn.Write(buf[:n])
	}
}

func TestAnswersLost(t *testing.T) {
	each(t, func(t *testing.T, server *redistest.Server) {
		proxy := newAnswerless(t, server)
		for i, where := range []string{"list=logs", "stream=logs", "list=logs"} {
			server.Do("flushall")
			w, log := writer(t, "redis://"+proxy.Addr().String()+"?"+where, nil)
			w.SetTransactFrom((2 - i) << 10) // the last has transactions
			store(t, w, numbered(alice, 1))  // the script is known now
			proxy.lose.Store(3)
			want(t, "fates", store(t, w, append(numbered(alice, 2, 3), plain("x", "x")...)), []string{"ok", "ok", "ok", "ok"})
			proxy.lose.Store(0)
			length := server.Do(map[bool]string{true: "llen", false: "xlen"}[where[0] == 'l'], "logs")
			if length != int64(5) || !strings.Contains(log.String(), "the senders wait") {
				t.Errorf("%s: %v messages, want 5\n%s", where, length, log)
			}
		}
	})
}

func TestScriptLost(t *testing.T) {
	each(t, func(t *testing.T, server *redistest.Server) {
		w, log := writer(t, to(server, "list=logs"), nil)
		for n := range uint64(3) {
			want(t, "fates", store(t, w, numbered(alice, n+1)), []string{"ok"})
			server.Do("script", "flush")
		}
		want(t, "list", server.List("logs"), texts(1, 3))
		if log.String() != "" {
			t.Errorf("want nothing logged: %s", log)
		}
	})
}

// Waiting ends with the context, even while an answer is outstanding.
func TestCancelled(t *testing.T) {
	t.Parallel()
	for _, broken := range []func(*redistest.Server){
		func(s *redistest.Server) { s.Signal(syscall.SIGSTOP) },
		func(s *redistest.Server) { s.Kill() },
	} {
		server := redistest.Start(t)
		w, _ := writer(t, to(server, "list=logs"), func(c *redis.Config) { c.Timeout = time.Hour })
		store(t, w, numbered(alice, 1))
		broken(server)
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		defer cancel()
		done := make(chan error, 1)
		go func() {
			fates, err := try(ctx, t, w, numbered(alice, 2))
			if fates[0] != "" {
				t.Errorf("settled: %v", fates)
			}
			done <- err
		}()
		select {
		case err := <-done:
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		case <-time.After(patience):
			t.Fatal("still waiting")
		}
	}
}

// Stored means that a replica has the message too, even if an earlier attempt stored it and its answer was lost.
func TestReplicas(t *testing.T) {
	each(t, func(t *testing.T, server *redistest.Server) {
		server.Do("config", "set", "repl-diskless-sync-delay", 0) // by default, a master waits 5 s for more replicas
		replica := redistest.StartProgram(t, server.Program(), "--replicaof", "127.0.0.1 "+fmt.Sprint(server.Port()))
		online := func() bool { return strings.Contains(server.Do("info", "replication").(string), "state=online") }
		eventually(t, "a replica", online)
		replicas := func(c *redis.Config) {
			c.Replicas = 1
			c.SetReplicaTimeout(50 * time.Millisecond)
		}
		w, _ := writer(t, to(server, "list=logs"), replicas)
		want(t, "fates", store(t, w, numbered(alice, 1)), []string{"ok"})
		want(t, "replica", replica.List("logs"), []string{"1"})

		replica.Signal(syscall.SIGSTOP)
		again, log := writer(t, to(server, "list=logs"), replicas)
		done := make(chan []string, 1)
		go func() { done <- store(t, again, numbered(alice, 2)) }()
		eventually(t, "a reason", func() bool { return strings.Contains(log.String(), "replicas have what was stored") })
		eventually(t, "another attempt", func() bool {
			return strings.Count(server.Do("info", "commandstats").(string), "cmdstat_wait") > 0 && len(server.List("logs")) == 2
		})
		third, log := writer(t, to(server, "list=logs"), replicas) // on a connection of its own, with repeats only
		repeats := make(chan []string, 1)
		go func() { repeats <- store(t, third, numbered(alice, 2)) }()
		eventually(t, "a reason", func() bool { return strings.Contains(log.String(), "replicas have what was stored") })
		replica.Signal(syscall.SIGCONT)
		want(t, "fates", <-done, []string{"ok"})
		<-repeats
		want(t, "replica", replica.List("logs"), []string{"1", "2"})
	})
}
