package integration

import (
	"fmt"
	"syscall"
	"testing"
)

// giveUp closes both pipes and leaves the process alone, as rsyslogd does with a program that has not answered within
// confirmTimeout, unless killUnresponsive is on.
func (d *driver) giveUp(t *testing.T) {
	t.Helper()
	d.stdin.Close() //nolint:errcheck // the process is frozen, and does not close its end
	if err := d.stdout.Close(); err != nil {
		t.Fatal(err)
	}
}

// An omzmq is frozen at COMMIT for longer than rsyslog waits, and rsyslog starts another one and sends each line
// again. The first still holds its journal, or has woken up, got its confirmations and found nobody to tell. The
// second ends it if it must, goes on with its journal, and sends nothing under new numbers.
func TestGivenUpAtCommit(t *testing.T) {
	t.Parallel()
	batch := make([]string, 50)
	for i := range batch {
		batch[i] = fmt.Sprintf("<13>%d", i/2) // two of each
	}
	for name, wake := range map[string]func(t *testing.T, d *driver){
		"frozen for good": func(*testing.T, *driver) {},
		"woken up before": func(t *testing.T, d *driver) {
			d.signal(t, syscall.SIGCONT)
			if code := d.exit(t); code != 0 {
				t.Errorf("exit code %d", code)
			}
		},
		"woken up, and the second is there": func(t *testing.T, d *driver) { d.signal(t, syscall.SIGCONT) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := startJournalSetup(t)
			first := k.drive(t)
			k.accepted(t, first, outages["receiver frozen"].begin, batch...)
			first.write(t, commit)
			eventually(t, patience, "the commit waits", func() bool { return first.dots.Load() > 0 })
			first.signal(t, syscall.SIGSTOP)
			outages["receiver frozen"].end(k, t)
			wantStored(t, k.router, batch...)
			first.giveUp(t)
			wake(t, first)
			second := k.drive(t)
			for _, line := range batch {
				second.commits(t, line)
			}
			second.commits(t, batch[0]) // a message of its own
			wantStored(t, k.router, batch[0])
			k.settle(t, second)
			if first.running() {
				t.Error("the first one still runs")
			}
		})
	}
}
