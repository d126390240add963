package integration

import (
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// A publisher that connects gets its first message, too, to those that it connects to.

// beginning starts omzmq as a publisher that connects, with its first transaction at once.
func beginning(t *testing.T, endpoint string, first []string) *driver {
	t.Helper()
	d := driveCommand(t, exec.Command(program("omzmq"), "--socket", "pub", "--topic", "t", "--connect", endpoint))
	d.write(t, begin)
	d.expect(t, ok)
	d.expect(t, ok)
	d.accept(t, first...)
	d.write(t, commit)
	d.expect(t, ok)
	return d
}

// wantAll checks that each line arrives, in order.
func wantAll(t *testing.T, sub *peer, lines []string) {
	t.Helper()
	for _, line := range lines {
		sub.expect(t, "t", line)
	}
}

// Each new omzmq begins at once, as rsyslog's workers do, and none of its lines is lost.
func TestFirstTransactionOfAPublisher(t *testing.T) {
	const rounds, many = 10, 200
	lines := numbered("first", many)
	t.Run("libzmq's SUB", func(t *testing.T) {
		t.Parallel()
		sub := startPeer(t, "SUB", "--bind", "tcp://127.0.0.1:*", "--subscribe", "t")
		for range rounds {
			d := beginning(t, sub.endpoint, lines)
			wantAll(t, sub, lines)
			wantExit(t, d, 0)
		}
	})
	for _, flags := range [][]string{nil, {"--replay", "1000"}} {
		t.Run(fmt.Sprint("a hub ", flags), func(t *testing.T) {
			t.Parallel()
			h := startHub(t, flags...)
			sub := startPeer(t, "SUB", "--connect", h.out, "--subscribe", "t")
			warm := beginning(t, h.in, nil)
			eventually(t, patience, "the subscription at the hub", func() bool {
				warm.commits(t, warmUp)
				return len(sub.messages) > 0
			})
			warm.commits(t, "warm")
			for frames := sub.receive(t); frames[1] != "warm"; {
				frames = sub.receive(t)
			}
			wantExit(t, warm, 0)
			for range rounds {
				d := beginning(t, h.in, lines)
				wantAll(t, sub, lines)
				wantExit(t, d, 0)
			}
		})
	}
	t.Run("a hub's memory", func(t *testing.T) {
		t.Parallel()
		h := startHub(t, "--replay", "1000")
		wantExit(t, beginning(t, h.in, lines), 0)
		wantAll(t, startPeer(t, "SUB", "--connect", h.out, "--subscribe", "t"), lines)
	})
}

// The same holds for a message outside a transaction, and where rsyslog reads no replies.
func TestFirstMessageOfAPublisher(t *testing.T) {
	t.Parallel()
	sub := startPeer(t, "SUB", "--bind", "tcp://127.0.0.1:*", "--subscribe", "t")
	for range 5 {
		d := drive(t, "--socket", "pub", "--topic", "t", "--connect", sub.endpoint)
		for _, line := range []string{"alone", "and another"} {
			d.write(t, line)
			d.expect(t, ok)
			sub.expect(t, "t", line)
		}
		wantExit(t, d, 0)
		lines := numbered("unconfirmed", 200)
		oneWay := exec.Command("/bin/sh", "-c", `exec "$0" "$@" >/dev/null`, program("omzmq"), "--socket", "pub", "--topic", "t", "--connect", sub.endpoint)
		oneWay.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
		p := start(t, "omzmq", oneWay)
		wantAll(t, sub, lines)
		if code := p.exit(t); code != 0 {
			t.Errorf("exit code %d", code)
		}
	}
}

// A subscriber that is away, or wants nothing, holds nobody up for long, and costs no message of another one.
func TestPublisherWithoutSubscribers(t *testing.T) {
	t.Parallel()
	d := beginning(t, nowhere(t), []string{"into the void"})
	d.commits(t, "and again")
	wantExit(t, d, 0)
	indifferent := startPeer(t, "SUB", "--bind", "tcp://127.0.0.1:*")
	sub := startPeer(t, "SUB", "--bind", "tcp://127.0.0.1:*", "--subscribe", "t")
	d = drive(t, "--socket", "pub", "--topic", "t", "--connect", nowhere(t), "--connect", indifferent.endpoint, "--connect", sub.endpoint)
	d.commits(t, "a", "b")
	sub.expect(t, "t", "a")
	sub.expect(t, "t", "b")
	wantExit(t, d, 0)
}

// Each of rsyslog's workers starts an omzmq of its own, and another one when that is gone. No message is lost at any.
func TestFirstMessageOfEachWorker(t *testing.T) {
	t.Parallel()
	const rounds, each = 6, 300
	sub := startPeer(t, "SUB", "--bind", "tcp://127.0.0.1:*", "--subscribe", "")
	l := lines{seed: 77}
	r := startRsyslogd(t, preamble+wayIn+`
module(load="omprog")
ruleset(name="in") {
	action(type="omprog" name="publish" template="raw" binary="`+program("omzmq")+` --socket pub --connect `+sub.endpoint+`"
	       confirmMessages="on" useTransactions="on" action.resumeInterval="1" queue.type="LinkedList" queue.size="10000"
	       queue.workerThreads="4" queue.workerThreadMinimumMessages="30" queue.dequeueBatchSize="20"
	       queue.timeoutWorkerThreadShutdown="1")
}`)
	processes := make(map[int]bool)
	for round := range rounds {
		r.feed(t, l, round*each, (round+1)*each)
		missing := make(map[string]bool)
		for n := range each {
			missing[string(l.line(round*each+n))] = true
		}
		for len(missing) > 0 { // the workers share the lines, in no order
			delete(missing, sub.receive(t)[0])
		}
		for _, pid := range children(t, r.pid(), "omzmq") {
			processes[pid] = true
			syscall.Kill(pid, syscall.SIGKILL) //nolint:errcheck // it may have ended with its worker
		}
		eventually(t, patience, "the end of all omzmq", func() bool { return len(children(t, r.pid(), "omzmq")) == 0 })
	}
	if len(processes) < rounds {
		t.Errorf("%d processes in %d rounds", len(processes), rounds)
	}
}
