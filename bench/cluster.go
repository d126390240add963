package main

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
)

// redisCluster is a cluster of three nodes on loopback, which write nothing to disk.
type redisCluster []*redisServer

// startRedisCluster starts a cluster.
func startRedisCluster(ctx context.Context) (manyDestination, error) {
	var c redisCluster
	join := []string{"--cluster", "create"}
	for range 3 {
		bus, err := freePort()
		if err != nil {
			return c, err
		}
		node, err := startRedis(ctx, placement{}, "--cluster-enabled", "yes", "--cluster-port", fmt.Sprint(bus))
		c = append(c, node)
		if err != nil {
			return c, err
		}
		join = append(join, c.at(len(c)-1))
	}
	if out, err := exec.CommandContext(ctx, "redis-cli", append(join, "--cluster-yes")...).CombinedOutput(); err != nil {
		return c, fmt.Errorf("redis-cli: %w\n%s", err, out)
	}
	return c, nil
}

func (c redisCluster) at(node int) string { return fmt.Sprintf("127.0.0.1:%d", c[node].port) }

// to names a list for each imzmq, so that the nodes share them.
func (c redisCluster) to(receiver int) string {
	return fmt.Sprintf("redis+cluster://%s,%s,%s/?list=%s", c.at(0), c.at(1), c.at(2), clusterList(receiver))
}

// clusterList returns a list's key. The slots of these are on the first, second, third and first node.
func clusterList(receiver int) string {
	return []string{"messages-c", "messages-a", "messages-d", "messages-g"}[receiver]
}

// stored checks that the lists hold each message once: as many as were sent, and no two alike is what imzmq's counters
// and the tests of pkg/redis say.
func (c redisCluster) stored(ctx context.Context, sent uint64) (string, error) {
	var all uint64
	for n := range 4 {
		out, err := exec.CommandContext(ctx, "redis-cli", "-c", "-u", "redis://"+c.at(0), "llen", clusterList(n)).Output()
		if err != nil {
			return "", err
		}
		var length uint64
		if _, err := fmt.Sscan(strings.TrimSpace(string(out)), &length); err != nil {
			return "", fmt.Errorf("redis-cli prints %q", out)
		}
		all += length
	}
	if all != sent {
		return "", fmt.Errorf("the lists hold %d messages, %d were sent", all, sent)
	}
	return fmt.Sprintf("; all %d messages are in the lists, each once", sent), nil
}

func (c redisCluster) processes() (all []process) {
	for n, node := range c {
		all = append(all, of(fmt.Sprint("redis-server ", n+1), node.cmd))
	}
	return all
}

func (c redisCluster) stop() {
	for _, node := range c {
		node.stop()
	}
}
