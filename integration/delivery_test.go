package integration

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// toOmzmq is the sending side's action: acknowledged, in transactions, retried forever. The caller adds the
// options of its queue.
func toOmzmq(flags, queue string) string {
	return toOmzmqWith(flags, queue+` confirmMessages="on" useTransactions="on" reportFailures="on"`)
}

// toOmzmqWith also leaves the way of confirming to the caller.
func toOmzmqWith(flags, options string) string {
	return fmt.Sprintf(`
module(load="omprog")
ruleset(name="in" queue.type="Direct") {
	action(name="omzmq" type="omprog" binary="%s %s" template="raw" output="[dir]/omzmq.log"
	       action.resumeRetryCount="-1" action.resumeInterval="1" queue.timeoutEnqueue="600000" queue.lightDelayMark="0" %s)
}
`, program("omzmq"), flags, options)
}

const (
	memoryQueue = `queue.type="LinkedList" queue.size="20000" queue.dequeueBatchSize="500"`
	diskQueue   = `queue.type="LinkedList" queue.size="5000" queue.dequeueBatchSize="500" queue.filename="omzmq"
	queue.maxDiskSpace="1g" queue.saveOnShutdown="on"`
)

// startImzmq starts imzmq with the given flags.
func startImzmq(t *testing.T, flags ...string) *process {
	t.Helper()
	return start(t, "imzmq", exec.Command(program("imzmq"), flags...))
}

func TestRsyslogToRsyslogExactlyOnce(t *testing.T) {
	const messages = 100_000
	l := lines{seed: 1}
	to := startRsyslogd(t, preamble+relpToFile)
	imzmq := startImzmq(t, "--socket", "router", "--bind", "tcp://127.0.0.1:0", "--to", "relp://127.0.0.1:"+to.relp)
	from := startRsyslogd(t, preamble+wayIn+toOmzmq("--connect tcp://127.0.0.1:"+imzmq.boundPort(t), memoryQueue))

	fed := from.feedMeanwhile(t, l, 0, messages)
	arrived := l.account(to.file("out"), messages)
	eventually(t, 2*time.Minute, "every message arrives", func() bool { return arrived.has(t, messages) })
	fed()
	from.stop(t)
	imzmq.stop(t)
	to.stop(t)
	arrived.settle(t, false)
}

// imzmq is not there when the first messages arrive, and it is stopped for 20 s in the middle. On SIGTERM it
// acknowledges what it has stored, so nothing is repeated.
func TestReceiverComesLateAndRestarts(t *testing.T) {
	t.Parallel()
	const messages, before = 50_000, 40_000 // the rest is fed during the outage
	l := lines{seed: 2}
	to := startRsyslogd(t, preamble+relpToFile)
	port := freePort(t)
	from := startRsyslogd(t, preamble+wayIn+toOmzmq("--reconnect-max 1s --connect tcp://127.0.0.1:"+port, diskQueue))
	imzmqFlags := []string{"--bind", "tcp://127.0.0.1:" + port, "--to", "relp://127.0.0.1:" + to.relp}
	arrived := l.account(to.file("out"), messages)

	from.feed(t, l, 0, 15_000)
	imzmq := startImzmq(t, imzmqFlags...)
	fed := from.feedMeanwhile(t, l, 15_000, before)
	eventually(t, time.Minute, "the backlog arrives", func() bool { return arrived.has(t, 20_000) })
	imzmq.stop(t)
	fed()
	fed = from.feedMeanwhile(t, l, before, messages)
	<-time.After(20 * time.Second) // the length of the outage is part of the test
	imzmq = startImzmq(t, imzmqFlags...)
	eventually(t, 2*time.Minute, "every message arrives", func() bool { return arrived.has(t, messages) })
	fed()
	from.stop(t)
	imzmq.stop(t)
	to.stop(t)
	arrived.settle(t, false)
}

// Every way in which omprog can hold the conversation.
func TestEveryMannerOfOmprog(t *testing.T) {
	const (
		messages = 10_000
		workers  = ` queue.workerThreads="4" queue.workerThreadMinimumMessages="100"`
	)
	for manner, options := range map[string]string{
		"transactions":             `confirmMessages="on" useTransactions="on"`,
		"message by message":       `confirmMessages="on"`,
		"unconfirmed":              `confirmMessages="off" closeTimeout="10000"`,
		"workers sharing a pipe":   `confirmMessages="on" useTransactions="on" forceSingleInstance="on"` + workers,
		"workers with a pipe each": `confirmMessages="on" useTransactions="on"` + workers,
	} {
		t.Run(manner, func(t *testing.T) {
			l := lines{seed: 12}
			to := startRsyslogd(t, preamble+relpToFile)
			imzmq := startImzmq(t, "--bind", "tcp://127.0.0.1:0", "--to", "relp://127.0.0.1:"+to.relp)
			action := toOmzmqWith("--connect tcp://127.0.0.1:"+imzmq.boundPort(t), memoryQueue+" "+options)
			from := startRsyslogd(t, preamble+wayIn+action)
			fed := from.feedMeanwhile(t, l, 0, messages)
			arrived := l.account(to.file("out"), messages)
			eventually(t, time.Minute, "every message arrives", func() bool { return arrived.has(t, messages) })
			fed()
			from.stop(t)
			imzmq.stop(t)
			to.stop(t)
			arrived.settle(t, false)
			said, err := os.ReadFile(from.file("omzmq.log"))
			if err != nil {
				t.Fatal(err)
			}
			if warned := strings.Contains(string(said), "confirmMessages"); warned != (manner == "unconfirmed") {
				t.Errorf("a warning about confirmMessages: %v\n%s", warned, said)
			}
		})
	}
}

// Each message goes to one of two receivers. When one is killed, the other gets its unacknowledged messages.
func TestTwoReceivers(t *testing.T) {
	const messages = 30_000
	l := lines{seed: 13}
	to := startRsyslogd(t, preamble+relpToFile)
	var imzmq []*process
	flags := "--reconnect-max 500ms"
	for range 2 {
		p := startImzmq(t, "--bind", "tcp://127.0.0.1:0", "--to", "relp://127.0.0.1:"+to.relp)
		imzmq = append(imzmq, p)
		flags += " --connect tcp://127.0.0.1:" + p.boundPort(t)
	}
	from := startRsyslogd(t, preamble+wayIn+toOmzmq(flags, memoryQueue))
	fed := from.feedMeanwhile(t, l, 0, messages)
	arrived := l.account(to.file("out"), messages)
	eventually(t, time.Minute, "some arrive", func() bool { return arrived.has(t, 5000) })
	imzmq[0].kill()
	eventually(t, time.Minute, "every message arrives", func() bool { return arrived.has(t, messages) })
	fed()
	from.stop(t)
	imzmq[1].stop(t)
	to.stop(t)
	arrived.settle(t, true) // what the killed one had stored but not acknowledged
}
