package integration

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis/redistest"
)

var redisMessages = flag.Int("redis-messages", 150_000, "how many messages TestRedisKilled and TestRedisCluster send")

// rsyslogd's messages go through omzmq and imzmq into a list in Redis, and workers pop them, while every
// program except rsyslogd is killed again and again. Redis remembers what it has stored: each message is
// popped exactly once, except those that rsyslogd itself repeats.
func TestRedisKilled(t *testing.T) { redistest.Each(t, testRedisKilled) }

func testRedisKilled(t *testing.T, redisServer string) {
	t.Parallel()
	server := redistest.StartProgram(t, redisServer, "--appendonly", "yes", "--appendfsync", "always")
	hop := startProxy(t, strconv.Itoa(server.Port()))
	p := newRedisPath(t, *redisMessages, "redis://"+hop.address()+"/0?list="+redisKey)
	p.work(0, server)
	kills := max(12, p.messages/25_000)
	p.plot("omzmq killed", kills, p.killOmzmq)
	p.plot("imzmq killed", kills, p.killImzmq)
	running, stored, recognised := true, 0, 0
	count := func() {
		s, r := storeCalls(server)
		stored, recognised = stored+s, recognised+r
	}
	p.plot("imzmq killed after Redis has stored, before it knows", kills/3, func(r *rand.Rand) bool {
		if !running || !p.imzmq.running() || !hop.mute() {
			return false
		}
		p.when("Redis has answered", func() bool {
			return hop.held.Load() > 0 || !running || !p.imzmq.running() || p.crew.count() == p.messages
		}, func() {
			p.killImzmq(r)
			hop.resume()
		})
		return true
	})
	p.plot("redis-server killed", kills, func(r *rand.Rand) bool {
		if !running {
			return false
		}
		count()
		server.Kill()
		running = false
		p.later(between(r, 0, 300*time.Millisecond), func() {
			server.Restart()
			running = true
		})
		return true
	})
	p.run(time.Duration(p.messages/1000)*time.Second + 2*time.Minute)
	eventually(t, patience, "the list is empty", func() bool { return ask(server, "exists", redisKey) == "0" })
	count()
	t.Logf("Redis was asked %d times to store messages, and %d times some were stored already", stored, recognised)
	if recognised == 0 {
		t.Error("no stored message was sent again: this run has tested nothing")
	}
}

// storeCalls returns how often a server has run imzmq's script since it started, and how often the script
// found some of the messages stored already. The script ends with PEXPIRE and RPUSH, or, in that case, with
// PEXPIRE alone. In a transaction an RPUSH is before it, too. Each has three LINDEX and an EXEC; each session has asked
// with one LINDEX and two EXEC.
func storeCalls(server *redistest.Server) (calls, repeats int) {
	text := ask(server, "info", "commandstats")
	count := func(command string) (n int) {
		_, rest, _ := strings.Cut(text, "cmdstat_"+command+":calls=")
		fmt.Sscan(rest, &n) //nolint:errcheck // 0 if it is absent
		return n
	}
	transactions := (2*count("lindex") - count("exec")) / 5
	return count("pexpire"), count("pexpire") - (count("rpush") - transactions)
}
