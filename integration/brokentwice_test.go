package integration

import (
	"os"
	"regexp"
	"syscall"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis/redistest"
)

// omzmq is killed in the middle of a transaction, and the next one fails BEGIN because nobody can be reached.
// rsyslogd until 8.2506 then goes on where the transaction broke; since 8.2508 it sends all of it again, one by
// one, also what the first omzmq had accepted. Neither is stored twice, and nothing is lost.
func TestBrokenTransactionWhoseNextBeginFails(t *testing.T) {
	t.Parallel()
	const messages = 3000
	server, endpoint := redistest.Start(t), nowhere(t)
	imzmq := startImzmq(t, "--bind", endpoint, "--to", "redis://"+server.Addr()+"/0?list="+redisKey)
	l := lines{seed: 43, longest: 300}
	from := startRsyslogd(t, preamble+wayIn+toOmzmq("--journal [dir]/journals --reconnect-max 300ms --send-timeout 1s --connect "+endpoint,
		`queue.type="LinkedList" queue.size="20000" queue.dequeueBatchSize="3000" queue.minDequeueBatchSize="2999" queue.minDequeueBatchSize.timeout="500"
		confirmTimeout="120000"`))
	from.feed(t, l, 0, 1)
	eventually(t, patience, "rsyslogd has been told OK for the first message", func() bool { return from.word(nextNumber) == 2 })
	omzmq := children(t, from.pid(), "omzmq")
	if len(omzmq) != 1 {
		t.Fatalf("%d omzmqs run", len(omzmq))
	}
	imzmq.signal(t, syscall.SIGSTOP)
	freeze(t, omzmq[0])
	from.feed(t, l, 1, messages)
	kill(t, omzmq[0], syscall.SIGCONT)
	for began := time.Now(); !from.journaled(t, l.line(5)); { // without a pause: a batch takes it longer than this takes us
		if time.Since(began) > patience {
			t.Fatal("omzmq journals nothing")
		}
	}
	kill(t, omzmq[0], syscall.SIGKILL)
	failed := regexp.MustCompile(`omzmq: no peer is connected \(.*\) after 1s`)
	eventually(t, patience, "BEGIN has failed", func() bool {
		words, _ := os.ReadFile(from.file("internal.log")) // may not exist yet
		return failed.Match(words)
	})
	imzmq.signal(t, syscall.SIGCONT)
	arrived := l.account("", messages)
	eventually(t, patience, "every message is stored", func() bool {
		arrived = l.account("", messages)
		for _, line := range server.List(redisKey) {
			arrived.add([]byte(line))
		}
		return arrived.arrived == messages
	})
	from.stop(t)
	wantNoJournals(t, from.file("journals"))
	arrived = l.account("", messages)
	for _, line := range server.List(redisKey) {
		arrived.add([]byte(line))
	}
	arrived.settle(t, false)
}

// freeze stops a process that is not our child.
func freeze(t *testing.T, pid int) {
	t.Helper()
	kill(t, pid, syscall.SIGSTOP)
	eventually(t, patience, "the process stops", func() bool { return stopped(pid) })
}

// kill sends a signal to a process that is not our child.
func kill(t *testing.T, pid int, sig syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, sig); err != nil {
		t.Fatalf("signal %v to %d: %v", sig, pid, err)
	}
}
