package integration

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis/redistest"
)

// A published stream is also published in Redis. Its subscribers there receive it, and nothing waits for them.
func TestRedisTap(t *testing.T) { redistest.Each(t, testRedisTap) }

func testRedisTap(t *testing.T, redisServer string) {
	const messages = 500
	l := lines{seed: 42, longest: 2000}
	server := redistest.StartProgram(t, redisServer)
	endpoint := nowhere(t)
	imzmq := startImzmq(t, "--socket", "sub", "--connect", endpoint, "--reconnect-max", "200ms",
		"--to", "redis://"+server.Addr()+"/0?channel=logs.{topic}")
	from := startRsyslogd(t, preamble+wayIn+toOmzmq("--socket pub --topic web --bind "+endpoint, memoryQueue+` forceSingleInstance="on"`))
	tap := startReceiver(t, "redis-cli", exec.Command("redis-cli", "-p", strconv.Itoa(server.Port()), "subscribe", "logs.web"))
	tap.expect(t, "subscribe", "logs.web", "1")
	next := func() string {
		tap.expect(t, "message", "logs.web")
		return tap.next(t)
	}
	way := from.input(t)
	eventually(t, patience, "what is published arrives", func() bool {
		fmt.Fprintln(way, warmUp) //nolint:errcheck // if it fails, nothing arrives
		return len(tap.lines) > 0
	})
	from.feed(t, l, 0, messages)
	arrived := l.account("", messages)
	for arrived.arrived < messages {
		arrived.add([]byte(next()))
	}
	from.stop(t)
	imzmq.stop(t)
	const last = "nothing comes after this"
	server.Do("publish", "logs.web", last)
	for line := next(); line != last; line = next() {
		arrived.add([]byte(line))
	}
	if !arrived.warm {
		t.Error("the warm-up is missing")
	}
	arrived.settle(t, false)
}

// The consumers of a group share the messages of a stream: each message goes to one of them, with all its
// fields.
func TestRedisStream(t *testing.T) { redistest.Each(t, testRedisStream) }

func testRedisStream(t *testing.T, redisServer string) {
	const messages, stream, group = 5000, "events", "readers"
	l := lines{seed: 43, longest: 2000}
	begin := time.Now()
	server := redistest.StartProgram(t, redisServer)
	server.Do("xgroup", "create", stream, group, "0", "mkstream")
	imzmq := startImzmq(t, "--bind", "tcp://127.0.0.1:0", "--to", "redis://"+server.Addr()+"/0?stream="+stream)
	from := startRsyslogd(t, preamble+wayIn+toOmzmq(
		"--topic web --journal [dir]/journals --connect tcp://127.0.0.1:"+imzmq.boundPort(t), memoryQueue))
	from.feed(t, l, 0, messages)
	eventually(t, time.Minute, "every message is stored", func() bool { return server.Do("xlen", stream) == int64(messages) })
	arrived := l.account("", messages)
	consumers := map[string]int{"one": 0, "two": 0}
	eventually(t, time.Minute, "every message is read", func() bool {
		for name := range consumers {
			for _, m := range readGroup(t, server, stream, group, name) {
				wantFields(t, from, m.Values, begin, arrived)
				consumers[name]++
				if n := server.Do("xack", stream, group, m.ID); n != int64(1) {
					t.Errorf("%s was acknowledged %v times", m.ID, n)
				}
			}
		}
		return arrived.arrived == messages
	})
	if consumers["one"] == 0 || consumers["two"] == 0 || consumers["one"]+consumers["two"] != messages {
		t.Errorf("the consumers read %v", consumers)
	}
	if got := server.Do("xlen", stream); got != int64(messages) {
		t.Errorf("the stream holds %v entries", got)
	}
	from.stop(t)
	imzmq.stop(t)
	arrived.settle(t, false)
}

// readGroup reads what is there for a consumer of a group. It does not wait.
func readGroup(t *testing.T, server *redistest.Server, stream, group, consumer string) []goredis.XMessage {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	streams, err := server.Client().XReadGroup(ctx, &goredis.XReadGroupArgs{
		Group: group, Consumer: consumer, Streams: []string{stream, ">"}, Count: 50, Block: -1,
	}).Result()
	if errors.Is(err, goredis.Nil) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return streams[0].Messages
}

var streamPeer = regexp.MustCompile(`^tcp://127\.0\.0\.1:[0-9]+$`)

// wantFields checks the fields of an entry and enters its message into the account. The sender is the omzmq
// whose journal has that name; it numbers the lines from 1, in the order in which they were fed.
func wantFields(t *testing.T, from *rsyslogd, values map[string]any, begin time.Time, arrived *account) {
	t.Helper()
	field := func(name string) string {
		text, _ := values[name].(string)
		return text
	}
	arrived.add([]byte(field("message")))
	n, _ := number([]byte(field("message")))
	received, err := time.Parse("2006-01-02T15:04:05.000000Z", field("received"))
	journal := filepath.Join(from.file("journals"), field("sender")+".journal")
	switch {
	case len(values) != 6:
		t.Errorf("%d fields: %q", len(values), values)
	case field("topic") != "web":
		t.Errorf("topic %q", field("topic"))
	case !streamPeer.MatchString(field("peer")):
		t.Errorf("peer %q", field("peer"))
	case fmt.Sprint(journals(from.file("journals"))) != "["+journal+"]":
		t.Errorf("sender %q, but the journal is %q", field("sender"), journals(from.file("journals")))
	case field("seq") != strconv.Itoa(n+1):
		t.Errorf("line %d has the number %q", n, field("seq"))
	case err != nil || received.Before(begin.Truncate(time.Microsecond)) || received.After(time.Now()):
		t.Errorf("received %q: %v", field("received"), err)
	}
}
