package integration

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis/redistest"
)

// redisCluster is three nodes. Two share the slots; the third is a replica of the one that has the list's
// slot. The two nodes that have the list change places.
type redisCluster struct {
	t       *testing.T
	master  *redistest.Server // of the list's slot
	replica *redistest.Server
	other   *redistest.Server
	busy    bool      // with a failover
	voted   time.Time // when the last failover by order began
}

const (
	allSlots    = 16384
	nodeTimeout = time.Second

	// For this long after a vote the masters do not vote for the same node again, and a failover by order ends
	// by itself if nothing comes of it (src/cluster.c: clusterSendFailoverAuthIfNeeded, CLUSTER_MF_TIMEOUT).
	betweenVotes  = 2 * nodeTimeout
	orderOutdated = 5 * time.Second
)

func startRedisCluster(t *testing.T, redisServer string) *redisCluster {
	t.Helper()
	node := func() *redistest.Server {
		return redistest.StartProgram(t, redisServer, "--cluster-enabled", "yes",
			"--cluster-node-timeout", fmt.Sprint(nodeTimeout.Milliseconds()), "--repl-diskless-sync-delay", "0")
	}
	c := &redisCluster{t: t, master: node(), replica: node(), other: node()}
	first, last := 0, allSlots/2-1
	if c.master.Do("cluster", "keyslot", redisKey).(int64) > int64(last) {
		first, last = allSlots/2, allSlots-1
	}
	c.master.Do("cluster", "addslotsrange", first, last)
	c.other.Do("cluster", "addslotsrange", allSlots/2-first, allSlots-1-first)
	for n, s := range []*redistest.Server{c.master, c.replica, c.other} {
		s.Do("cluster", "set-config-epoch", n+1)
	}
	c.replica.Do("cluster", "meet", "127.0.0.1", c.master.Port())
	c.other.Do("cluster", "meet", "127.0.0.1", c.master.Port())
	id := c.master.Do("cluster", "myid").(string)
	eventually(t, patience, "the nodes know each other", func() bool {
		return strings.Contains(c.replica.Do("cluster", "nodes").(string), id) && c.agrees(c.master) && c.agrees(c.other)
	})
	c.replica.Do("cluster", "replicate", id)
	eventually(t, patience, "the cluster is complete", func() bool {
		return c.follows(c.replica) && c.agrees(c.master) && c.agrees(c.replica) && c.agrees(c.other)
	})
	return c
}

func (c *redisCluster) addresses() string {
	return c.master.Addr() + "," + c.replica.Addr() + "," + c.other.Addr()
}

// agrees reports whether a node finds that every slot is served.
func (c *redisCluster) agrees(s *redistest.Server) bool {
	return strings.Contains(ask(s, "cluster", "info"), "cluster_state:ok")
}

// seen returns a node's row in another's CLUSTER NODES: id, address, flags and more.
func (c *redisCluster) seen(by, node *redistest.Server) []string {
	for line := range strings.Lines(ask(by, "cluster", "nodes")) {
		if f := strings.Fields(line); strings.HasPrefix(f[1], node.Addr()+"@") {
			return f
		}
	}
	return make([]string, 3)
}

// leads reports whether a node is a master, both to itself and to the node that is never killed.
func (c *redisCluster) leads(s *redistest.Server) bool {
	row := c.seen(c.other, s)
	return strings.HasPrefix(ask(s, "role"), "[master") && row[2] == "master" && len(row) > 8 // with slots
}

// follows reports whether a node is a replica with all that its master has, and whether the others know it.
func (c *redisCluster) follows(s *redistest.Server) bool {
	role, nodes := ask(s, "role"), ask(s, "cluster", "nodes")
	return strings.HasPrefix(role, "[slave") && strings.Contains(role, " connected ") &&
		nodes != "" && !strings.Contains(nodes, "fail") && !strings.Contains(nodes, "disconnected") &&
		c.seen(c.master, s)[2] == "slave" && c.seen(c.other, s)[2] == "slave"
}

// hand lets the replica and its master change places, which loses nothing.
func (c *redisCluster) hand(p *redisPath, _ *rand.Rand) bool {
	if c.busy || time.Since(c.voted) < betweenVotes {
		return false
	}
	c.busy = true
	var ordered time.Time
	p.when("the replica has taken its master's place", func() bool {
		if time.Since(ordered) > orderOutdated && ask(c.replica, "cluster", "failover") == "OK" {
			ordered = time.Now()
		}
		return c.leads(c.replica)
	}, func() {
		c.voted = time.Now()
		c.swap(p)
	})
	return true
}

// kill kills the master, and the replica takes its place. Then the master returns as a replica and fetches
// everything. The new master must not be killed before that: only it has everything.
func (c *redisCluster) kill(p *redisPath, r *rand.Rand) bool {
	if c.busy {
		return false
	}
	c.busy = true
	c.master.Kill()
	c.inherit(p, r)
	return true
}

// part cuts the replica off and kills the master later. What the master received in between is lost.
func (c *redisCluster) part(p *redisPath, r *rand.Rand) bool {
	if c.busy {
		return false
	}
	c.busy = true
	c.replica.Signal(syscall.SIGSTOP)
	c.master.Do("client", "kill", "type", "replica")
	p.later(between(r, 20*time.Millisecond, nodeTimeout/2), func() {
		c.master.Kill()
		c.replica.Signal(syscall.SIGCONT)
		c.inherit(p, r)
	})
	return true
}

// inherit lets the replica take the dead master's place and then starts the old master again.
func (c *redisCluster) inherit(p *redisPath, r *rand.Rand) {
	p.later(between(r, 0, nodeTimeout), func() {
		c.replica.Do("cluster", "failover", "takeover") // with two masters there is no majority that could elect it
		p.when("the replica has taken the dead master's place", func() bool { return c.leads(c.replica) }, func() {
			p.later(between(r, 0, nodeTimeout/2), func() {
				c.master.Restart()
				c.swap(p)
			})
		})
	})
}

// swap waits until the former master is a replica.
func (c *redisCluster) swap(p *redisPath) {
	c.master, c.replica = c.replica, c.master
	p.when("the former master is a replica and has everything", func() bool { return c.follows(c.replica) }, func() { c.busy = false })
}

// rsyslogd's messages go into a list in a Redis cluster, and workers pop them. Meanwhile the two nodes that
// have the list change places, by order and because one is killed, and omzmq and imzmq are killed as well. The
// nodes write nothing to disk: what counts as stored is also at the replica.
func TestRedisCluster(t *testing.T) { redistest.Each(t, testRedisCluster) }

func testRedisCluster(t *testing.T, redisServer string) {
	t.Parallel()
	times := max(3, *redisMessages/100_000)
	c := startRedisCluster(t, redisServer)
	p := newRedisPath(t, *redisMessages, "redis+cluster://"+c.addresses()+"?list="+redisKey, "--redis-replicas", "1")
	p.work(1, c.master, c.replica)
	for kind, strike := range map[string]func(*redisPath, *rand.Rand) bool{
		"failover by order": c.hand, "master killed": c.kill, "master cut off and killed": c.part,
	} {
		p.plot(kind, times, func(r *rand.Rand) bool { return strike(p, r) })
	}
	p.plot("omzmq killed", times, p.killOmzmq)
	p.plot("imzmq killed", times, p.killImzmq)
	p.run(time.Duration(*redisMessages/1000)*time.Second + 2*time.Minute)
	if ask(c.master, "exists", redisKey) != "0" {
		t.Error("the list is not empty")
	}
}
