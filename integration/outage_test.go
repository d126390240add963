package integration

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Slow, stopped, killed and absent receivers.

// impstats writes rsyslogd's counters to the file "stats" every second.
const impstats = `
module(load="impstats" interval="1" log.syslog="off" log.file="[dir]/stats" format="json" resetCounters="off")
`

// counter returns the newest value of a counter that impstats has written, -1 before the first.
func (r *rsyslogd) counter(t *testing.T, name, key string) int {
	t.Helper()
	text, err := os.ReadFile(r.file("stats"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	value := -1
	for line := range strings.Lines(string(text)) {
		_, object, _ := strings.Cut(line, ": ")
		var row map[string]any
		if json.Unmarshal([]byte(object), &row) != nil || row["name"] != name {
			continue
		}
		if n, ok := row[key].(float64); ok {
			value = int(n)
		}
	}
	return value
}

// A receiver stops reading. Commits fail in time, rsyslog's queue grows and omzmq does not. When the receiver
// continues, everything arrives.
func TestStoppedReceiver(t *testing.T) {
	t.Parallel()
	const messages = 30_000
	l := lines{seed: 8}
	to := startRsyslogd(t, preamble+relpToFile)
	imzmq := startImzmq(t, "--bind", "tcp://127.0.0.1:0", "--to", "relp://127.0.0.1:"+to.relp)
	queue := `queue.type="LinkedList" queue.size="50000" queue.dequeueBatchSize="1000"`
	from := startRsyslogd(t, preamble+impstats+wayIn+toOmzmq("--send-timeout 2s --connect tcp://127.0.0.1:"+imzmq.boundPort(t), queue))
	arrived := l.account(to.file("out"), messages)

	from.feed(t, l, 0, 2000)
	eventually(t, patience, "the first messages arrive", func() bool { return arrived.has(t, 2000) })
	imzmq.signal(t, syscall.SIGSTOP)
	from.feed(t, l, 2000, messages)
	largest := 0
	eventually(t, patience, "commits fail and the queue holds the rest", func() bool {
		for _, pid := range children(t, from.pid(), "omzmq") {
			largest = max(largest, residentKiB(t, pid))
		}
		return from.counter(t, "omzmq", "resumed") >= 2 && from.counter(t, "omzmq queue", "size") > messages/2
	})
	if largest == 0 || largest > 64<<10 {
		t.Errorf("omzmq holds %d KiB", largest)
	}
	words, err := os.ReadFile(from.file("internal.log"))
	if err != nil || !strings.Contains(string(words), "omzmq: ") {
		t.Errorf("rsyslog does not log omzmq's reason: %v", err)
	}
	imzmq.signal(t, syscall.SIGCONT)
	eventually(t, 5*time.Minute, "every message arrives", func() bool { return arrived.has(t, messages) })
	from.stop(t)
	imzmq.stop(t)
	to.stop(t)
	arrived.settle(t, false)
}

// The same without rsyslog: the reply to a commit that has waited for --send-timeout.
func TestStoppedReceiverFailsTheCommit(t *testing.T) {
	t.Parallel()
	imzmq := startPrinter(t, "--bind", "tcp://127.0.0.1:0")
	d := drive(t, "--send-timeout", "2s", "--connect", "tcp://127.0.0.1:"+imzmq.boundPort(t))
	d.commits(t, "<13>a")
	imzmq.signal(t, syscall.SIGSTOP)
	if r := d.transaction(t, "<13>b", "<13>c"); !strings.HasPrefix(r.text, "omzmq: ") || r.dots == 0 {
		t.Errorf("the commit was answered %+v", r)
	}
	imzmq.signal(t, syscall.SIGCONT)
	d.delivers(t, "<13>c", "<13>b")
	if code := d.finish(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	imzmq.stop(t)
	if got := strings.Join(imzmq.rest(t), " "); got != "<13>a <13>b <13>c" {
		t.Errorf("stored %q", got)
	}
}

// A receiver is restarted under load. On SIGTERM it acknowledges what it has stored, so nothing is repeated. A
// killed receiver forgets which numbers it has stored: repeats are allowed then, losses never.
func TestReceiverRestartsUnderLoad(t *testing.T) {
	for _, killed := range []bool{false, true} {
		t.Run(fmt.Sprintf("killed %v", killed), func(t *testing.T) {
			const messages = 40_000
			l := lines{seed: 9}
			to := startRsyslogd(t, preamble+relpToFile)
			endpoint := nowhere(t)
			flags := []string{"--bind", endpoint, "--to", "relp://127.0.0.1:" + to.relp}
			imzmq := startImzmq(t, flags...)
			from := startRsyslogd(t, preamble+wayIn+toOmzmq("--reconnect-max 500ms --connect "+endpoint, memoryQueue))
			arrived := l.account(to.file("out"), messages)
			fed := from.feedMeanwhile(t, l, 0, messages)
			for _, n := range []int{3000, 10_000, 20_000, 30_000} {
				eventually(t, time.Minute, "some arrive", func() bool { return arrived.has(t, n) })
				if killed {
					imzmq.kill()
				} else {
					imzmq.stop(t)
				}
				imzmq = startImzmq(t, flags...)
			}
			eventually(t, 5*time.Minute, "every message arrives", func() bool { return arrived.has(t, messages) })
			fed()
			from.stop(t)
			imzmq.stop(t)
			to.stop(t)
			arrived.settle(t, killed)
		})
	}
}

// The final receiver, after imzmq, is restarted under load. imzmq waits for it and acknowledges nothing
// meanwhile.
func TestRestartedRsyslogBehindImzmq(t *testing.T) {
	const messages = 20_000
	l := lines{seed: 10}
	to := startRsyslogd(t, preamble+relpToFile)
	imzmq := startImzmq(t, "--bind", "tcp://127.0.0.1:0", "--to", "relp://127.0.0.1:"+to.relp)
	from := startRsyslogd(t, preamble+wayIn+toOmzmq("--connect tcp://127.0.0.1:"+imzmq.boundPort(t), memoryQueue))
	arrived := l.account(to.file("out"), messages)
	fed := from.feedMeanwhile(t, l, 0, messages)
	eventually(t, time.Minute, "some arrive", func() bool { return arrived.has(t, 3000) })
	to.stop(t)
	to.again(t)
	eventually(t, 5*time.Minute, "every message arrives", func() bool { return arrived.has(t, messages) })
	fed()
	from.stop(t)
	imzmq.stop(t)
	to.stop(t)
	arrived.settle(t, true) // what RELP had not acknowledged when the connection ended is sent again
}

// The sending rsyslog is restarted while there is no receiver. Its disk queue keeps everything.
func TestRestartedSenderWithoutReceiver(t *testing.T) {
	t.Parallel()
	const messages = 3000
	l := lines{seed: 11}
	to := startRsyslogd(t, preamble+relpToFile)
	endpoint := nowhere(t)
	from := startRsyslogd(t, preamble+impstats+wayIn+
		toOmzmq("--reconnect-max 500ms --connect "+endpoint, diskQueue+` queue.timeoutShutdown="500" closeTimeout="500"`))
	from.feed(t, l, 0, messages)
	eventually(t, patience, "rsyslog has read everything", func() bool {
		return from.counter(t, "omzmq queue", "enqueued") == messages
	})
	from.stop(t)
	from.again(t)
	imzmq := startImzmq(t, "--bind", endpoint, "--to", "relp://127.0.0.1:"+to.relp)
	arrived := l.account(to.file("out"), messages)
	eventually(t, time.Minute, "every message arrives", func() bool { return arrived.has(t, messages) })
	from.stop(t)
	imzmq.stop(t)
	to.stop(t)
	arrived.settle(t, false)
}

// A subscriber that stops reading slows nothing down and costs no more memory than its high-water mark.
func TestStoppedSubscriber(t *testing.T) {
	d := drive(t, "--socket", "pub", "--bind", "tcp://127.0.0.1:0")
	endpoint := "tcp://127.0.0.1:" + d.boundPort(t)
	slow := startPeer(t, "SUB", "--connect", endpoint, "--subscribe", "")
	good := startPeer(t, "SUB", "--connect", endpoint, "--subscribe", "")
	eventually(t, patience, "both subscriptions take effect", func() bool {
		d.commits(t, warmUp)
		return len(slow.messages) > 0 && len(good.messages) > 0
	})
	slow.signal(t, syscall.SIGSTOP)
	long := "<13>" + strings.Repeat("x", 4000)
	for n := range 200 { // 160 MB, more than all buffers on the way
		batch := make([]string, 200)
		for i := range batch {
			batch[i] = fmt.Sprintf("%s %d", long, 200*n+i)
		}
		d.commits(t, batch...)
		for last := ""; last != batch[len(batch)-1]; {
			last = good.receive(t)[0]
		}
	}
	if kib := residentKiB(t, d.pid()); kib > 64<<10 {
		t.Errorf("omzmq holds %d KiB", kib)
	}
	slow.kill()
	d.logged(t, "peer disconnected")
	if code := d.finish(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// A PULL that stops reading makes the commit fail once the kernels' buffers are full. When it continues, it
// gets everything.
func TestStoppedPuller(t *testing.T) {
	t.Parallel()
	endpoint := nowhere(t)
	puller := startPeer(t, "PULL", "--bind", endpoint)
	d := drive(t, "--socket", "push", "--send-timeout", "2s", "--connect", endpoint)
	d.commits(t, "<13>first")
	puller.expect(t, "<13>first")
	puller.signal(t, syscall.SIGSTOP)
	long := strings.Repeat("x", 100_000)
	arrived, sent, failed := map[string]int{}, 0, []string(nil)
	for failed == nil {
		batch := make([]string, 20)
		for i := range batch {
			sent++
			batch[i] = fmt.Sprintf("<13>%d %s", sent, long)
		}
		switch r := d.transaction(t, batch...); {
		case strings.HasPrefix(r.text, "omzmq: "):
			failed = batch
		case r.text != ok:
			t.Fatalf("the commit was answered %+.200v", r)
		}
	}
	if kib := residentKiB(t, d.pid()); kib > 64<<10 {
		t.Errorf("omzmq holds %d KiB", kib)
	}
	puller.signal(t, syscall.SIGCONT)
	d.delivers(t, failed...)
	d.delivers(t, "<13>last")
	for last := ""; last != "<13>last"; {
		last = puller.receive(t)[0]
		arrived[last]++
	}
	for line, times := range arrived {
		if times != 1 {
			t.Errorf("%.20q arrived %d times", line, times)
		}
	}
	if len(arrived) != sent+1 {
		t.Errorf("%d of %d arrived", len(arrived)-1, sent)
	}
}
