package integration

import (
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"
)

// rsyslog's own ZeroMQ modules, which use libzmq through CZMQ, as peers on both sides.

// fromImczmq receives with imczmq; each frame is a message. It has no ruleset of its own: with one, imczmq
// aborts when rsyslogd stops.
func fromImczmq(socket, endpoint string) string {
	return fmt.Sprintf(`
module(load="imczmq")
if $inputname == "imczmq" then { action(type="omfile" file="[dir]/out" template="raw") stop }
input(type="imczmq" socktype="%s" endpoints="%s" topics="")
`, socket, endpoint)
}

// toOmczmq sends each message as one frame without a line feed.
func toOmczmq(socket, endpoint, more string) string {
	return fmt.Sprintf(`
module(load="omczmq")
template(name="frame" type="string" string="%%rawmsg%%")
ruleset(name="in" queue.type="Direct") {
	action(type="omczmq" socktype="%s" endpoints="%s" template="frame" queue.type="LinkedList" queue.size="20000" %s)
}
`, socket, endpoint, more)
}

func TestOmzmqToImczmq(t *testing.T) {
	t.Run("push to PULL", func(t *testing.T) {
		const messages = 5000
		l := lines{seed: 5}
		endpoint := nowhere(t)
		to := startRsyslogd(t, preamble+fromImczmq("PULL", "@"+endpoint))
		from := startRsyslogd(t, preamble+wayIn+toOmzmq("--socket push --connect "+endpoint, memoryQueue))
		from.feed(t, l, 0, messages)
		arrived := l.account(to.file("out"), messages)
		eventually(t, time.Minute, "every message arrives", func() bool { return arrived.has(t, messages) })
		from.stop(t)
		to.stop(t)
		arrived.settle(t, false)
	})
	t.Run("pub to SUB", func(t *testing.T) {
		const messages = 500 // less than any high-water mark: a publisher may drop messages, and must not here
		l := lines{seed: 6}
		endpoint := nowhere(t)
		from := startRsyslogd(t, preamble+wayIn+toOmzmq("--socket pub --bind "+endpoint, memoryQueue+` forceSingleInstance="on"`))
		to := startRsyslogd(t, preamble+fromImczmq("SUB", ">"+endpoint))
		arrived := l.account(to.file("out"), messages)
		eventually(t, patience, "the subscription takes effect", func() bool {
			from.logLines(t, warmUp)
			arrived.poll(t)
			return arrived.warm
		})
		from.feed(t, l, 0, messages)
		eventually(t, time.Minute, "every message arrives", func() bool { return arrived.has(t, messages) })
		from.stop(t)
		to.stop(t)
		arrived.settle(t, false)
	})
}

func TestOmczmqToImzmq(t *testing.T) {
	for _, way := range []struct {
		socket, more string
		messages     int
		flags        []string
	}{
		{"PUSH", "", 5000, []string{"--socket", "pull"}},
		{"PUB", `topics="logs" topicframe="on"`, 500, []string{"--socket", "sub", "--subscribe", "logs"}},
		{"DEALER", "", 5000, []string{"--socket", "router", "--ack=false"}},
	} {
		t.Run(way.socket, func(t *testing.T) {
			l := lines{seed: 7}
			endpoint := nowhere(t)
			ours, theirs := "--bind", ">"+endpoint
			if way.socket == "PUB" {
				ours, theirs = "--connect", "@"+endpoint
			}
			imzmq := startPrinter(t, append(slices.Clone(way.flags), "--reconnect-max", "500ms", ours, endpoint)...)
			from := startRsyslogd(t, preamble+wayIn+toOmczmq(way.socket, theirs, way.more))
			arrived := l.account("", way.messages)
			eventually(t, patience, "the first line arrives", func() bool {
				from.logLines(t, warmUp)
				imzmq.has(arrived, 0)
				return arrived.warm
			})
			from.feed(t, l, 0, way.messages)
			eventually(t, time.Minute, "every message arrives", func() bool { return imzmq.has(arrived, way.messages) })
			from.signal(t, syscall.SIGTERM)
			if code := from.exit(t); code != 0 && release() < omczmqCrashes {
				t.Errorf("rsyslogd ended with %d on SIGTERM", code)
			}
			imzmq.stop(t)
			arrived.settle(t, false)
		})
	}
}
