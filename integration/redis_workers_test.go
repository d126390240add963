package integration

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis/redistest"
)

// redisKey is the list that the workers pop. Its braces are a hash tag: in a cluster the workers' own keys are
// in the list's slot.
const redisKey = "{logs}"

// takeScript is a worker's turn. It drops what the previous turn has taken, because the worker has that, and
// moves the first elements of the list to a list of the worker's own. A repeated turn returns the same
// elements. Thus lost replies, servers that die at any moment and late commands lose no element and return
// none twice.
//
// KEYS: the list, the worker's list, the number of the turn that filled it; ARGV: the number of this turn, how
// many elements to take.
const takeScript = `
local turn, last = tonumber(ARGV[1]), tonumber(redis.call('GET', KEYS[3]) or 0)
if turn < last then
	return redis.error_reply('LATE this turn is over')
end
if turn > last then
	redis.call('DEL', KEYS[2])
	for _ = 1, tonumber(ARGV[2]) do
		if not redis.call('LMOVE', KEYS[1], KEYS[2], 'LEFT', 'RIGHT') then
			break
		end
	end
end
local taken = redis.call('LRANGE', KEYS[2], 0, -1)
if #taken > 0 then
	redis.call('SET', KEYS[3], turn) -- in a repeated turn too: WAIT waits for a connection's own writes
end
return taken`

const (
	workers  = 4
	handful  = 500                   // elements that a worker takes at once
	idlePoll = 10 * time.Millisecond // before looking again at an empty list or at a server that was down
)

// crew is the workers that pop a list, each element once, and the account of what they have popped.
type crew struct {
	stop func()
	work sync.WaitGroup

	mu      sync.Mutex
	arrived *account
}

// quietRedis stops go-redis from writing every failed dial to the test's output.
var quietRedis = sync.OnceFunc(func() { goredis.SetLogger(&logging.VoidLogger{}) })

// startCrew lets workers pop the list at the one of the servers that accepts them. A worker counts only
// elements that this many replicas have taken out of the list too.
func startCrew(t *testing.T, arrived *account, replicas int, servers ...*redistest.Server) *crew {
	t.Helper()
	quietRedis()
	ctx, cancel := context.WithCancel(context.Background())
	c := &crew{stop: cancel, arrived: arrived}
	for n := range workers {
		w := &worker{crew: c, replicas: replicas, own: fmt.Sprintf("%s:worker:%d", redisKey, n)}
		for _, s := range servers {
			w.servers = append(w.servers, goredis.NewClient(&goredis.Options{
				Addr: s.Addr(), Protocol: 2, MaxRetries: -1, DialerRetries: 1, PoolSize: 1, DisableIdentity: true, ReadTimeout: 5 * time.Second,
			}))
		}
		c.work.Go(func() { w.run(ctx) })
	}
	t.Cleanup(c.end)
	return c
}

// end stops the workers and waits for them.
func (c *crew) end() {
	c.stop()
	c.work.Wait()
}

// note enters what a worker has popped into the account.
func (c *crew) note(taken []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, line := range taken {
		c.arrived.add([]byte(line))
	}
}

// count returns how many different messages have been popped.
func (c *crew) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.arrived.arrived
}

// repeats returns how often messages were popped again.
func (c *crew) repeats() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, times := range c.arrived.seen {
		n += max(0, times-1)
	}
	return n
}

// worker pops elements. Its memory outlives every server's.
type worker struct {
	crew     *crew
	servers  []*goredis.Client // the first is asked
	replicas int
	own      string // its own list
}

func (w *worker) run(ctx context.Context) {
	defer func() {
		for _, s := range w.servers {
			s.Close() //nolint:errcheck // nothing is in flight
		}
	}()
	for turn := 1; ctx.Err() == nil; {
		taken, err := w.take(ctx, turn)
		if len(taken) > 0 && err == nil {
			w.crew.note(taken)
			turn++
			continue
		}
		if err != nil {
			w.servers = append(w.servers[1:], w.servers[0])
		}
		select {
		case <-time.After(idlePoll):
		case <-ctx.Done():
		}
	}
}

var errNotReplicated = errors.New("fewer replicas than wanted know of the turn")

// take takes a turn. After an error the turn must be repeated.
func (w *worker) take(ctx context.Context, turn int) ([]string, error) {
	pipe := w.servers[0].Pipeline()
	taken := pipe.Eval(ctx, takeScript, []string{redisKey, w.own, w.own + ":turn"}, turn, handful)
	var copies *goredis.IntCmd
	if w.replicas > 0 {
		copies = goredis.NewIntCmd(ctx, "wait", w.replicas, 1000) // WAIT counts only writes of its own connection
		pipe.Process(ctx, copies)                                 //nolint:errcheck // it only queues
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, err
	}
	if copies != nil && copies.Val() < int64(w.replicas) {
		return nil, errNotReplicated
	}
	return taken.StringSlice()
}

func TestWorkersTakeTurns(t *testing.T) { redistest.Each(t, testWorkersTakeTurns) }

func testWorkersTakeTurns(t *testing.T, redisServer string) {
	const messages = 3000
	l := lines{seed: 41, longest: 60}
	server := redistest.StartProgram(t, redisServer)
	for n := range messages {
		server.Do("rpush", redisKey, string(l.line(n)))
	}
	c := startCrew(t, l.account("", messages), 0, server)
	eventually(t, patience, "every message is popped", func() bool { return c.count() == messages })
	c.end()
	c.arrived.settle(t, false)
	if left := server.Do("exists", redisKey); left != int64(0) {
		t.Error("the list is not empty")
	}
	keys := []any{redisKey, redisKey + ":worker:9", redisKey + ":worker:9:turn"}
	turn := func(n int) any { return server.Do(append([]any{"eval", takeScript, 3}, append(keys, n, 2)...)...) }
	server.Do("rpush", redisKey, "a", "b", "c")
	for _, step := range []struct {
		turn int
		want string
	}{{1, "[a b]"}, {1, "[a b]"}, {2, "[c]"}, {2, "[c]"}, {3, "[]"}} {
		if got := fmt.Sprint(turn(step.turn)); got != step.want {
			t.Errorf("turn %d: %s, want %s", step.turn, got, step.want)
		}
	}
	_, err := server.Client().Eval(t.Context(), takeScript, []string{redisKey, keys[1].(string), keys[2].(string)}, 1, 2).Result()
	if err == nil || !strings.HasPrefix(err.Error(), "LATE") {
		t.Errorf("a turn that was over: %v", err)
	}
}
