package integration

import (
	"encoding/json"
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

// counter is the newest value of a counter that impstats has written, -1 before the first.
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

// A receiver that stops reading: the commits fail in time, rsyslog's queue grows and omzmq does not, and when the
// receiver goes on, everything arrives.
func TestStoppedReceiver(t *testing.T) {
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
		t.Errorf("rsyslog does not report what omzmq said: %v", err)
	}
	imzmq.signal(t, syscall.SIGCONT)
	eventually(t, 2*time.Minute, "every message arrives", func() bool { return arrived.has(t, messages) })
	from.stop(t)
	imzmq.stop(t)
	to.stop(t)
	arrived.settle(t, false)
}

// The same without rsyslog: what a commit says that waited for --send-timeout.
func TestStoppedReceiverFailsTheCommit(t *testing.T) {
	imzmq := startPrinter(t, "--bind", "tcp://127.0.0.1:0")
	d := drive(t, "--send-timeout", "2s", "--connect", "tcp://127.0.0.1:"+imzmq.boundPort(t))
	d.commits(t, "<13>a")
	imzmq.signal(t, syscall.SIGSTOP)
	if r := d.transaction(t, "<13>b", "<13>c"); !strings.HasPrefix(r.text, "omzmq: ") || r.dots == 0 {
		t.Errorf("the commit was answered %+v", r)
	}
	imzmq.signal(t, syscall.SIGCONT)
	d.commits(t, "<13>c")
	d.commits(t, "<13>b")
	if code := d.finish(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	imzmq.stop(t)
	if got := strings.Join(imzmq.rest(t), " "); got != "<13>a <13>b <13>c" {
		t.Errorf("stored %q", got)
	}
}

// A receiver killed under load forgets whose numbers it has stored: repeats are allowed, losses are not.
func TestKilledReceiver(t *testing.T) {
	const messages = 30_000
	l := lines{seed: 9}
	to := startRsyslogd(t, preamble+relpToFile)
	endpoint := nowhere(t)
	flags := []string{"--bind", endpoint, "--to", "relp://127.0.0.1:" + to.relp}
	imzmq := startImzmq(t, flags...)
	from := startRsyslogd(t, preamble+wayIn+toOmzmq("--reconnect-max 500ms --connect "+endpoint, memoryQueue))
	arrived := l.account(to.file("out"), messages)
	fed := from.feedMeanwhile(t, l, 0, messages)
	for _, n := range []int{3000, 10_000, 20_000} {
		eventually(t, time.Minute, "some arrive", func() bool { return arrived.has(t, n) })
		imzmq.kill()
		imzmq = startImzmq(t, flags...)
	}
	eventually(t, 2*time.Minute, "every message arrives", func() bool { return arrived.has(t, messages) })
	fed()
	from.stop(t)
	imzmq.stop(t)
	to.stop(t)
	arrived.settle(t, true)
}

// The final receiver, behind imzmq, is restarted under load: imzmq waits for it and acknowledges nothing meanwhile.
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
	eventually(t, 2*time.Minute, "every message arrives", func() bool { return arrived.has(t, messages) })
	fed()
	from.stop(t)
	imzmq.stop(t)
	to.stop(t)
	arrived.settle(t, true) // what RELP had not acknowledged when the connection ended is sent again
}

// The sending rsyslog is restarted while there is no receiver: its disk queue keeps everything.
func TestRestartedSenderWithoutReceiver(t *testing.T) {
	const messages = 3000
	l := lines{seed: 11}
	to := startRsyslogd(t, preamble+relpToFile)
	endpoint := nowhere(t)
	from := startRsyslogd(t, preamble+wayIn+toOmzmq("--reconnect-max 500ms --connect "+endpoint, diskQueue+` queue.timeoutShutdown="10000"`))
	from.feed(t, l, 0, messages)
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
