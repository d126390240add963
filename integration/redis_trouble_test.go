package integration

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis/redistest"
)

var redisOOM = flag.Duration("redis-oom", 5*time.Second, "how long Redis has no memory in TestRedisOOM")

// Redis has no memory left. Everything waits, in the end in rsyslogd's queue, and no process ends. When there
// is memory again, delivery resumes by itself.
func TestRedisOOM(t *testing.T) { redistest.Each(t, testRedisOOM) }

func testRedisOOM(t *testing.T, redisServer string) {
	t.Parallel()
	const messages, before = 40_000, 2000
	server := redistest.StartProgram(t, redisServer)
	p := newRedisPath(t, messages, "redis://"+server.Addr()+"/0?list="+redisKey)
	length := func() int { return int(server.Do("llen", redisKey).(int64)) }
	logged := func(words string) int { return strings.Count(p.words.String(), words) }
	p.from.feed(t, p.l, 0, before)
	eventually(t, patience, "the first messages are stored", func() bool { return length() == before })
	server.Do("config", "set", "maxmemory", 1)
	fed := p.from.feedMeanwhile(t, p.l, before, messages)
	eventually(t, patience, "imzmq logs why it waits", func() bool { return logged("OOM command not allowed") > 0 })
	eventually(t, patience, "rsyslogd's queue fills, and both omzmqs are at work", func() bool {
		return p.from.counter(t, "omzmq queue", "size") > 15_000 && len(children(t, p.from.pid(), "omzmq")) == 2
	})
	omzmqs := children(t, p.from.pid(), "omzmq")
	if polled(*redisOOM, func() bool { return length() != before }) {
		t.Errorf("a Redis without memory has %d messages, had %d", length(), before)
	}
	if logged("the senders wait") != 1 || logged("stored again") != 0 {
		t.Error("imzmq does not log exactly once that it waits")
	}
	server.Do("config", "set", "maxmemory", 0)
	eventually(t, time.Minute, "every message is stored", func() bool { return length() == messages })
	fed()
	if now := children(t, p.from.pid(), "omzmq"); !slices.Equal(now, omzmqs) {
		t.Errorf("the omzmq processes had the pids %v, now %v", omzmqs, now)
	}
	eventually(t, patience, "imzmq logs that it stores again", func() bool { return logged("messages are stored again") > 0 })
	if logged("the senders wait") != 1 || logged("messages are stored again") != 1 {
		t.Error("imzmq does not log waiting and storing again exactly once each")
	}
	p.work(0, server)
	p.settle()
	p.wantOmzmqsLived(t)
}

// What Redis refuses is refused to rsyslogd, whose own log then has the reason. rsyslogd retries until the
// cause is removed.
func TestRedisWrongType(t *testing.T) { redistest.Each(t, testRedisWrongType) }

func testRedisWrongType(t *testing.T, redisServer string) {
	t.Parallel()
	server := redistest.StartProgram(t, redisServer)
	server.Do("set", redisKey, "a string")
	p := newRedisPath(t, refusedMessages, "redis://"+server.Addr()+"/0?list="+redisKey)
	p.refused(t, `WRONGTYPE Operation against a key holding the wrong kind of value`)
	server.Do("del", redisKey)
	p.work(0, server)
	p.settle()
	p.wantOmzmqsLived(t)
}

const refusedMessages = 3000

// wantOmzmqsLived fails the test if rsyslogd had to restart an omzmq, or if anything is left in a journal.
func (p *redisPath) wantOmzmqsLived(t *testing.T) {
	t.Helper()
	wantNoJournals(t, p.from.file("journals"))
	if words, err := os.ReadFile(p.from.file("internal.log")); err != nil || strings.Contains(string(words), "terminated") {
		t.Errorf("an omzmq ended (%v)", err)
	}
}

// refused feeds everything and waits until rsyslogd's own log has the reason why nothing is taken.
func (p *redisPath) refused(t *testing.T, reason string) {
	t.Helper()
	p.from.feedMeanwhile(t, p.l, 0, p.messages)()
	line := regexp.MustCompile("(?m)^.*omprog.*omzmq: .*" + reason)
	eventually(t, patience, "rsyslogd's log has the reason: "+reason, func() bool {
		words, _ := os.ReadFile(p.from.file("internal.log")) // may not exist yet
		return line.Match(words)
	})
}

func TestRedisWrongPassword(t *testing.T) { redistest.Each(t, testRedisWrongPassword) }

func testRedisWrongPassword(t *testing.T, redisServer string) {
	const right, wrong = "sesame", "barley"
	as := func(server *redistest.Server, password, command string) {
		t.Helper()
		if answer := server.CLI("REDISCLI_AUTH=" + password + " redis-cli -p $PORT " + command); answer != "OK" {
			t.Fatalf("%s: %s", command, answer)
		}
	}
	path := func(t *testing.T, server *redistest.Server, flags ...string) *redisPath {
		p := newRedisPath(t, refusedMessages, "redis://"+server.Addr()+"/0?list="+redisKey, flags...)
		p.refused(t, `WRONGPASS .*REDIS_PASSWORD or --redis-password-file|REDIS_PASSWORD or --redis-password-file.*WRONGPASS`)
		return p
	}
	settle := func(p *redisPath, server *redistest.Server, password string) {
		eventually(t, time.Minute, "every message is stored", func() bool {
			return server.CLI("REDISCLI_AUTH="+password+" redis-cli -p $PORT llen "+redisKey) == "3000"
		})
		as(server, password, `config set requirepass ""`) // the workers use none
		p.work(0, server)
		p.settle()
		p.wantOmzmqsLived(t)
	}
	t.Run("in the environment, until Redis is given the same", func(t *testing.T) {
		server := redistest.StartProgram(t, redisServer, "--requirepass", right)
		t.Setenv("REDIS_PASSWORD", wrong)
		p := path(t, server)
		as(server, right, "config set requirepass "+wrong)
		settle(p, server, wrong)
	})
	t.Run("in a file, until it is corrected", func(t *testing.T) {
		server := redistest.StartProgram(t, redisServer, "--requirepass", right)
		file := filepath.Join(t.TempDir(), "password")
		if err := os.WriteFile(file, []byte(wrong+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		p := path(t, server, "--redis-password-file", file)
		if err := os.WriteFile(file, []byte(right+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		settle(p, server, right)
	})
}
