package integration

import (
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis/redistest"
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

// The same with rsyslogd itself, which waits for a second and does not kill.
func TestGivenUpByRsyslogd(t *testing.T) {
	t.Parallel()
	const messages = 50
	for name, woken := range map[string]bool{"frozen for good": false, "woken up by the end": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, endpoint := redistest.Start(t), nowhere(t)
			imzmq := startImzmq(t, "--bind", endpoint, "--to", "redis://"+server.Addr()+"/0?list="+redisKey)
			l := lines{seed: 47, longest: 300}
			from := startRsyslogd(t, preamble+wayIn+toOmzmq("--journal [dir]/journals --reconnect-max 300ms --connect "+endpoint,
				`queue.type="LinkedList" `+batches(messages)+` confirmTimeout="1000" closeTimeout="200" killUnresponsive="off"`))
			from.feed(t, l, 0, messages)
			eventually(t, patience, "the first batch is stored", func() bool { return len(server.List(redisKey)) == messages })
			first := children(t, from.pid(), "omzmq")
			imzmq.signal(t, syscall.SIGSTOP)
			from.feed(t, l, messages, 2*messages)
			eventually(t, patience, "omzmq has read COMMIT", func() bool { return from.committing(t, 2*messages) })
			freeze(t, first[0])
			eventually(t, patience, "rsyslogd starts another omzmq", func() bool {
				words, _ := os.ReadFile(from.file("internal.log"))
				return strings.Contains(string(words), "omprog") && len(children(t, from.pid(), "omzmq")) > 1
			})
			if woken {
				kill(t, first[0], syscall.SIGCONT)
			}
			imzmq.signal(t, syscall.SIGCONT)
			arrived := l.account("", 2*messages)
			eventually(t, patience, "every message is stored", func() bool {
				arrived = l.account("", 2*messages)
				for _, line := range server.List(redisKey) {
					arrived.add([]byte(line))
				}
				return arrived.arrived == 2*messages
			})
			from.stop(t)
			wantGone(t, first)
			wantNoJournals(t, from.file("journals"))
			arrived = l.account("", 2*messages)
			for _, line := range server.List(redisKey) {
				arrived.add([]byte(line))
			}
			arrived.settle(t, false)
		})
	}
}

// committing reports whether the instance's omzmq has read the COMMIT that comes after n lines: the word "closing" of its
// journal's header (pkg/journal) is 1 more.
func (r *rsyslogd) committing(t *testing.T, n uint64) bool {
	t.Helper()
	const closing = 40 + 7*8
	for _, name := range journals(r.file("journals")) {
		header, err := os.ReadFile(name)
		if err == nil && len(header) > closing+8 && binary.NativeEndian.Uint64(header[closing:]) == n+1 {
			return true
		}
	}
	return false
}
