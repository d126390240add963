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
	for range d.replies { // the pipe is closed when nothing reads from it any more
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
			first.exit(t)
		})
	}
}

// The same with rsyslogd itself, which waits for 3 s and does not kill.
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
				`queue.type="LinkedList" `+batches(messages)+` confirmTimeout="3000" closeTimeout="200" killUnresponsive="off"`))
			from.feed(t, l, 0, messages)
			eventually(t, patience, "rsyslogd has been told OK", func() bool { return from.word(nextNumber) == messages+1 })
			first := children(t, from.pid(), "omzmq")
			imzmq.signal(t, syscall.SIGSTOP)
			from.feed(t, l, messages, 2*messages)
			eventually(t, patience, "omzmq has read COMMIT", func() bool { return from.journaled(t, l.line(messages)) && from.word(closing) != 0 })
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

// word returns a word of the header of the instance's only journal (pkg/journal), at its offset; 0 if there is none.
func (r *rsyslogd) word(offset int) uint64 {
	for _, name := range journals(r.file("journals")) {
		if text, _ := os.ReadFile(name); len(text) >= offset+8 { // it may be gone by now
			return binary.NativeEndian.Uint64(text[offset:])
		}
	}
	return 0
}

// Offsets of words: the number of the next line, which is stored when rsyslog has been told OK for all of them, and
// whether a COMMIT has been read since the last BEGIN.
const (
	nextNumber = 40 + 5*8
	closing    = 40 + 7*8
)

// Two actions may start the same command line from one thread. Neither omzmq is given up: each has its own journal.
func TestEqualOmzmqsLeaveEachOtherAlone(t *testing.T) {
	t.Parallel()
	k := startJournalSetup(t)
	first := k.drive(t)
	first.begin(t)
	first.accept(t, "<13>a")
	second := k.drive(t)
	second.commits(t, "<13>b")
	wantStored(t, k.router, "<13>a", "<13>b")
	first.write(t, commit)
	first.expect(t, ok)
	wantExit(t, first, 0)
	k.settle(t, second)
}
