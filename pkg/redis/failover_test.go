package redis_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis/redistest"
)

// stream stores rising numbers until stop is closed. The channel then receives the last one.
func stream(t *testing.T, w *redis.Writer, stop <-chan struct{}) <-chan uint64 {
	last := make(chan uint64, 1)
	go func() {
		for seq := uint64(1); ; seq++ {
			select {
			case <-stop:
				last <- seq - 1
				return
			default:
			}
			if fates := store(t, w, numbered(alice, seq)); fates[0] != "ok" {
				t.Errorf("number %d: %v", seq, fates)
			}
		}
	}()
	return last
}

// grows waits until a list has grown by some elements.
func grows(t *testing.T, server *redistest.Server, key string) {
	t.Helper()
	from := server.Do("llen", key).(int64)
	eventually(t, "messages in "+key, func() bool { return server.Do("llen", key).(int64) > from+10 })
}

func TestSentinelFailover(t *testing.T) { redistest.Each(t, testSentinelFailover) }

func testSentinelFailover(t *testing.T, program string) {
	t.Parallel()
	master := redistest.StartProgram(t, program, "--repl-diskless-sync-delay", "0")
	replica := redistest.StartProgram(t, program, "--replicaof", "127.0.0.1 "+fmt.Sprint(master.Port()), "--repl-diskless-sync-delay", "0")
	eventually(t, "a replica", func() bool { return strings.Contains(master.Do("info", "replication").(string), "state=online") })
	sentinel := redistest.StartSentinel(t, program, fmt.Sprintf("sentinel monitor main 127.0.0.1 %d 1\nsentinel down-after-milliseconds main 500\nsentinel failover-timeout main 1000\n", master.Port()))
	eventually(t, "the sentinel to know the replica", func() bool {
		return strings.Contains(sentinel.Do("info", "sentinel").(string), "slaves=1")
	})
	w, _ := writer(t, "redis+sentinel://127.0.0.1:1,"+sentinel.Addr()+"/main/0?list=logs", func(c *redis.Config) { c.Replicas = 1 })
	stop := make(chan struct{})
	last := stream(t, w, stop)
	grows(t, master, "logs")
	eventually(t, "a failover", func() bool {
		sentinel.Client().Do(context.Background(), "sentinel", "failover", "main") // again if the sentinel gives it up
		return sentinel.Do("sentinel", "get-master-addr-by-name", "main").([]any)[1] == fmt.Sprint(replica.Port())
	})
	master.Do("replicaof", "127.0.0.1", replica.Port()) // the sentinel would do this ten seconds later
	grows(t, replica, "logs")
	close(stop)
	all := texts(1, <-last)
	want(t, "list", replica.List("logs"), all)
}

// A master that the sentinels do not know is waited for, and the log says so.
func TestSentinelWithoutMaster(t *testing.T) {
	t.Parallel()
	sentinel := redistest.StartSentinel(t, "redis-server", "")
	w, log := writer(t, "redis+sentinel://"+sentinel.Addr()+"/main?list=logs", nil)
	if err := tryUntilLogged(t, w, log); err == nil || !strings.Contains(err.Error(), "no sentinel knows where the master is") {
		t.Error(err)
	}
}

// newCluster starts n masters that share the slots.
func newCluster(t *testing.T, n int) (nodes []*redistest.Server) {
	for range n {
		nodes = append(nodes, redistest.Start(t, "--cluster-enabled", "yes", "--cluster-require-full-coverage", "no"))
	}
	for i, node := range nodes {
		node.Do("cluster", "addslotsrange", i*16384/n, (i+1)*16384/n-1)
		node.Do("cluster", "set-config-epoch", i+1)
		nodes[0].Do("cluster", "meet", "127.0.0.1", node.Port())
	}
	for _, node := range nodes {
		eventually(t, "a cluster", func() bool {
			text := node.Do("cluster", "info").(string)
			return strings.Contains(text, "cluster_state:ok") && strings.Contains(text, "cluster_slots_ok:16384")
		})
	}
	return nodes
}

func TestCluster(t *testing.T) {
	t.Parallel()
	nodes := newCluster(t, 3)
	w, _ := writer(t, "redis+cluster://"+nodes[0].Addr()+","+nodes[1].Addr()+"?list=logs.{topic}", nil)
	var entries []message.Message
	for i := range 300 {
		e := numbered([]string{alice, bob}[i%2], uint64(1+i/2))[0]
		e.Topic = fmt.Append(nil, i%30)
		entries = append(entries, e)
	}
	for _, fate := range []string{"ok", "repeat"} {
		for i, got := range store(t, w, entries) {
			if got != fate {
				t.Fatalf("entry %d: %s, want %s", i, got, fate)
			}
		}
	}
	total := 0
	for _, node := range nodes {
		own := 0
		for _, key := range node.Do("keys", "logs.*").([]any) {
			own += int(node.Do("llen", key).(int64))
		}
		if total += own; own == 0 {
			t.Error("a node without messages")
		}
	}
	if total != 300 {
		t.Errorf("%d messages, want 300", total)
	}
}

// While a slot moves, its messages wait; then they go to its new node.
func TestSlotMoves(t *testing.T) {
	t.Parallel()
	nodes := newCluster(t, 2)
	w, log := writer(t, "redis+cluster://"+nodes[0].Addr()+"?list=logs", nil)
	store(t, w, numbered(alice, 1))
	slot := nodes[0].Do("cluster", "keyslot", "logs")
	from, into := nodes[0], nodes[1]
	if slot.(int64) >= 8192 {
		from, into = into, from
	}
	fromID, intoID := from.Do("cluster", "myid"), into.Do("cluster", "myid")
	into.Do("cluster", "setslot", slot, "importing", fromID)
	from.Do("cluster", "setslot", slot, "migrating", intoID)
	from.Do("migrate", "127.0.0.1", into.Port(), "logs", 0, 5000)
	done := make(chan []string, 1)
	go func() { done <- store(t, w, numbered(alice, 1, 2)) }()
	eventually(t, "a reason", func() bool { return strings.Contains(log.String(), "the cluster is moving this key's slot") })
	from.Do("migrate", "127.0.0.1", into.Port(), "{logs}:stored:logs:"+alice, 0, 5000)
	into.Do("cluster", "setslot", slot, "node", intoID)
	from.Do("cluster", "setslot", slot, "node", intoID)
	want(t, "fates", <-done, []string{"repeat", "ok"})
	want(t, "list", into.List("logs"), texts(1, 2))
}
