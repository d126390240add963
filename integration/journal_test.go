package integration

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// omzmq --journal with the test in rsyslog's place: accepted lines outlive the process.

// journalSetup is a folder of journals, and a receiver that is started and killed at one endpoint.
type journalSetup struct {
	endpoint string
	folder   string
	router   *receiver
}

// startJournalSetup also makes the test look like a worker of rsyslogd to omzmq: one thread that starts all the
// processes.
func startJournalSetup(t *testing.T) *journalSetup {
	t.Helper()
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	k := &journalSetup{endpoint: nowhere(t), folder: filepath.Join(folder(t), "journals")}
	k.open(t)
	return k
}

// open starts a receiver that has stored nothing yet. A killed sender's routing identity returns at once, so
// the ROUTER must hand over.
func (k *journalSetup) open(t *testing.T) {
	t.Helper()
	k.router = startReceiver(t, "handover.py", exec.Command(python, "peers/handover.py", k.endpoint))
	k.router.next(t) // it is bound
}

func (k *journalSetup) drive(t *testing.T, flags ...string) *driver {
	t.Helper()
	return drive(t, append(flags, "--journal", k.folder, "--reconnect-max", "500ms", "--connect", k.endpoint)...)
}

// outages are the ways in which a receiver can be away while its omzmq dies.
var outages = map[string]struct {
	begin, end func(k *journalSetup, t *testing.T)
}{
	"receiver frozen": { // its kernel still takes the lines, and it stores them later
		func(k *journalSetup, t *testing.T) { k.router.signal(t, syscall.SIGSTOP) },
		func(k *journalSetup, t *testing.T) { k.router.signal(t, syscall.SIGCONT) },
	},
	"receiver gone": {
		func(k *journalSetup, _ *testing.T) { k.router.kill() },
		func(k *journalSetup, t *testing.T) { k.open(t) },
	},
}

// accepted begins a transaction while the receiver is there, and has lines accepted while it is away.
func (k *journalSetup) accepted(t *testing.T, d *driver, away func(*journalSetup, *testing.T), lines ...string) {
	t.Helper()
	d.commits(t, "<13>before")
	wantStored(t, k.router, "<13>before")
	d.begin(t)
	away(k, t)
	d.accept(t, lines...)
}

// settle ends omzmq. Nothing may be left in the journal, and nothing more may have been stored.
func (k *journalSetup) settle(t *testing.T, d *driver) {
	t.Helper()
	wantExit(t, d, 0)
	wantNoJournals(t, k.folder)
	wantNothingMore(t, k.router)
}

func journals(folder string) []string {
	names, _ := filepath.Glob(folder + "/*") // the pattern is valid
	return names
}

func wantNoJournals(t *testing.T, folder string) {
	t.Helper()
	if !polled(patience, func() bool { return len(journals(folder)) == 0 }) {
		t.Errorf("left: %q", journals(folder))
	}
}

// rsyslog continues after the last line that was answered. The lines accepted before it exist only in the
// orphan journal.
func TestJournalKilledInMidTransaction(t *testing.T) {
	t.Parallel()
	for name, outage := range outages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := startJournalSetup(t)
			d := k.drive(t)
			k.accepted(t, d, outage.begin, "<13>a", "<13>b", "<13>c")
			d.kill()
			outage.end(k, t)
			d = k.drive(t)
			d.commits(t, "<13>d", "<13>e")
			wantStored(t, k.router, "<13>a", "<13>b", "<13>c", "<13>d", "<13>e")
			k.settle(t, d)
		})
	}
}

// rsyslog sends every line again, each in a transaction of its own. Each keeps its number, so none is stored
// twice.
func TestJournalKilledAtCommit(t *testing.T) {
	t.Parallel()
	for name, outage := range outages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := startJournalSetup(t)
			d := k.drive(t)
			lines := []string{"<13>a", "<13>b", "<13>a"} // two lines with the same text are two messages
			k.accepted(t, d, outage.begin, lines...)
			d.write(t, commit)
			eventually(t, patience, "the commit waits", func() bool { return d.dots.Load() > 0 })
			d.kill()
			outage.end(k, t)
			d = k.drive(t)
			for _, line := range lines {
				d.commits(t, line)
			}
			wantStored(t, k.router, lines...)
			d.commits(t, "<13>a") // this one is the third
			wantStored(t, k.router, "<13>a")
			k.settle(t, d)
		})
	}
}

// An omzmq that ends with unconfirmed lines logs where they are. Nothing is lost, so its exit code is 0.
func TestJournalKeepsWhatIsUnconfirmedAtTheEnd(t *testing.T) {
	t.Parallel()
	ends := map[string]func(t *testing.T, d *driver){
		"EOF":     func(t *testing.T, d *driver) { wantExit(t, d, 0) },
		"SIGTERM": func(t *testing.T, d *driver) { d.stop(t) },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := startJournalSetup(t)
			d := k.drive(t, "--linger", "500ms")
			gone := outages["receiver gone"]
			k.accepted(t, d, gone.begin, "<13>a", "<13>b", "<13>c")
			end(t, d)
			said := d.logged(t, `kept in the journal.* messages=3 file=(\S+)`)[1]
			if kept := journals(k.folder); len(kept) != 1 || kept[0] != said {
				t.Errorf("omzmq logged %s, the folder has %q", said, kept)
			}
			gone.end(k, t)
			d = k.drive(t, "--linger", "500ms")
			wantStored(t, k.router, "<13>a", "<13>b", "<13>c")
			k.settle(t, d)
		})
	}
}

// A killed omzmq is not started again. Another one that shares the folder, here another action's, delivers
// what it had accepted.
func TestJournalOfTheDeadIsDeliveredByAnother(t *testing.T) {
	t.Parallel()
	k := startJournalSetup(t)
	dead, other := k.drive(t), k.drive(t, "--linger", "10s")
	gone := outages["receiver gone"]
	k.accepted(t, dead, gone.begin, "<13>a", "<13>b", "<13>c")
	dead.kill()
	gone.end(k, t)
	wantStored(t, k.router, "<13>a", "<13>b", "<13>c")
	other.commits(t, "<13>its own")
	wantStored(t, k.router, "<13>its own")
	k.settle(t, other)
}

// rsyslogd is stopped while a commit waits for a frozen or killed receiver. rsyslogd gives up the batch (see
// TestStoppedAtCommit), the journal does not.
func TestJournalOutlivesRsyslogd(t *testing.T) {
	t.Parallel()
	const messages, before = 3000, 500
	for name, killed := range map[string]bool{"receiver frozen": false, "receiver gone": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := lines{seed: 31}
			endpoint := nowhere(t)
			imzmq := startPrinter(t, "--bind", endpoint)
			queue := diskQueue + ` queue.timeoutShutdown="100" queue.timeoutActionCompletion="1000" closeTimeout="500"`
			from := startRsyslogd(t, preamble+impstats+wayIn+
				toOmzmq("--journal [dir]/journals --linger 500ms --reconnect-max 500ms --connect "+endpoint, queue))
			arrived := l.account("", messages)
			from.feed(t, l, 0, before)
			eventually(t, patience, "the first messages arrive", func() bool { return imzmq.has(arrived, before) })
			imzmq.signal(t, syscall.SIGSTOP)
			from.feed(t, l, before, messages)
			eventually(t, patience, "rsyslog has read everything", func() bool {
				return from.counter(t, "omzmq queue", "enqueued") == messages
			})
			eventually(t, patience, "omzmq has journaled some of them", func() bool { return from.journaled(t, l.line(before)) })
			if killed {
				imzmq.kill()
			}
			omzmq := children(t, from.pid(), "omzmq")
			from.stop(t)
			wantGone(t, omzmq)
			if len(journals(from.file("journals"))) == 0 {
				t.Error("no journal is left: the journaled lines are lost")
			}
			imzmq.kill()
			imzmq.has(arrived, messages)
			t.Logf("%d messages had arrived before the stop", arrived.arrived)

			from.again(t)
			imzmq = startPrinter(t, "--bind", endpoint)
			eventually(t, patience, "every message arrives", func() bool { return imzmq.has(arrived, messages) })
			from.stop(t)
			wantNoJournals(t, from.file("journals"))
			imzmq.stop(t)
			imzmq.has(arrived, messages)
			arrived.settle(t, true)
		})
	}
}

// journaled reports whether a line is in one of the instance's journals.
func (r *rsyslogd) journaled(t *testing.T, line []byte) bool {
	t.Helper()
	for _, name := range journals(r.file("journals")) {
		if text, _ := os.ReadFile(name); bytes.Contains(text, line) { // it may be gone by now
			return true
		}
	}
	return false
}

// wantGone waits for the end of processes that are not our children. A process that has ended has no
// executable any more.
func wantGone(t *testing.T, pids []int) {
	t.Helper()
	eventually(t, patience, "rsyslogd's programs end", func() bool {
		for _, pid := range pids {
			if exe, _ := os.Readlink(filepath.Join("/proc", strconv.Itoa(pid), "exe")); strings.HasPrefix(exe, built) {
				return false
			}
		}
		return true
	})
}
