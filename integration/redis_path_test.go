package integration

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis/redistest"
)

var redisSeed = flag.Uint64("redis-seed", 0, "schedule of the kills in TestRedisKilled and TestRedisCluster; 0: another one each time")

// twoOmzmq is a queue with two workers, each with an omzmq of its own.
const twoOmzmq = `queue.type="LinkedList" queue.size="20000" queue.dequeueBatchSize="1000"
	queue.workerThreads="2" queue.workerThreadMinimumMessages="1"`

// redisPath is rsyslogd, its omzmq processes with journals, imzmq, the workers that pop what it has stored in
// Redis, and the faults planned for them.
type redisPath struct {
	schedule
	l     lines
	from  *rsyslogd
	imzmq *process
	flags []string // imzmq's
	words *log     // stderr of every imzmq
	crew  *crew
}

// newRedisPath starts everything but Redis and the workers.
func newRedisPath(t *testing.T, messages int, to string, flags ...string) *redisPath {
	t.Helper()
	p := &redisPath{schedule: newSchedule(t, messages, *redisSeed), words: new(log)}
	p.l = lines{seed: p.seed, longest: 300}
	endpoint := nowhere(t)
	p.flags = append([]string{"--socket", "router", "--bind", endpoint, "--to", to, "--reconnect-max", "300ms"}, flags...)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the imzmqs wrote to stderr:\n%s", tail(p.words.String(), 6000))
		}
	})
	p.startImzmq()
	p.from = startRsyslogd(t, preamble+impstats+wayIn+
		toOmzmq("--journal [dir]/journals --reconnect-max 300ms --send-timeout 5m --connect "+endpoint, twoOmzmq))
	return p
}

func (p *redisPath) startImzmq() {
	cmd := exec.Command(program("imzmq"), p.flags...)
	cmd.Stderr = p.words
	p.imzmq = start(p.t, "imzmq", cmd)
}

// work starts the workers.
func (p *redisPath) work(replicas int, servers ...*redistest.Server) {
	p.t.Helper()
	p.crew = startCrew(p.t, p.l.account("", p.messages), replicas, servers...)
	p.arrived = p.crew.count
}

func (p *redisPath) killOmzmq(r *rand.Rand) bool { return p.from.killOmzmq(p.t, r) }

func (p *redisPath) killImzmq(r *rand.Rand) bool {
	if !p.imzmq.running() {
		return false
	}
	p.imzmq.kill()
	p.later(between(r, 0, 300*time.Millisecond), p.startImzmq)
	return true
}

// run feeds messages and lets faults happen until every message is popped and everything runs again. Then it
// settles the account.
func (p *redisPath) run(within time.Duration) {
	t := p.t
	t.Helper()
	t.Logf("-redis-seed %d, %d messages", p.seed, p.messages)
	begin := time.Now()
	fed := p.from.feedPaced(t, p.l, 0, p.messages, p.pace)
	if !polled(within, func() bool {
		return p.pursue() == p.messages && len(p.agenda) == 0
	}) {
		t.Errorf("after %v, %d of %d messages are popped and %d appointments are left",
			within, p.crew.count(), p.messages, len(p.agenda))
	}
	fed()
	took := time.Since(begin)
	t.Logf("%v, %.0f messages/s; %v", took.Round(time.Millisecond), float64(p.messages)/took.Seconds(), p.happened)
	p.check()
	p.settle()
}

// settle ends everything after the last message was fed. It fails the test unless each message was popped
// exactly once, except those that rsyslogd itself repeats.
func (p *redisPath) settle() {
	t := p.t
	t.Helper()
	polled(time.Minute, func() bool { return p.crew.count() == p.messages }) // otherwise the account says so
	putBack := p.putBack()
	eventually(t, patience, "every batch is confirmed", func() bool { return p.from.counter(t, "omzmq queue", "size") == 0 })
	p.from.stop(t)
	if !p.imzmq.running() {
		t.Error("imzmq ended by itself")
	}
	p.imzmq.stop(t)
	p.crew.end()
	repeats := p.crew.repeats()
	t.Logf("sent %d, popped %d, lost %d, repeated %d, %d of them by rsyslog itself, because BEGIN failed",
		p.messages, p.crew.count(), p.messages-p.crew.count(), repeats, putBack)
	// One more may come from an omzmq that was killed in the few instructions between marking a reply and
	// writing it.
	if repeats < putBack || repeats > putBack+1 {
		t.Errorf("%d messages were repeated, %d of them by rsyslog itself", repeats, putBack)
	}
	p.crew.arrived.settle(t, true)
}

// putBack returns how many messages rsyslogd itself repeats. After a failed BEGIN, rsyslogd 8.2302 sends the
// message with its batch and also puts it back into the queue, which counts it once more.
func (p *redisPath) putBack() (n int) {
	polled(10*time.Second, func() bool { // impstats writes every second
		n = p.from.counter(p.t, "omzmq queue", "enqueued") - p.messages
		return n == p.crew.repeats()
	})
	return n
}

// ask asks a server that may be down, in which case the answer is "".
func ask(s *redistest.Server, args ...any) string {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	value, err := s.Client().Do(ctx, args...).Result()
	if err != nil {
		return ""
	}
	return fmt.Sprint(value)
}
