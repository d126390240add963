package spool

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"
)

// ticks is the number of the kernel's clock ticks per second in /proc (USER_HZ).
const ticks = 100

// Now returns the time in nanoseconds of CLOCK_BOOTTIME, which all processes of a machine share: also those in
// containers, because what a time namespace has added is taken off.
func Now() int64 {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &t) != nil {
		return 0
	}
	return t.Nano() - clockShift()
}

// clockShift is what our time namespace adds to CLOCK_BOOTTIME, in nanoseconds.
var clockShift = sync.OnceValue(func() int64 { return bootShift(readFile("/proc/self/timens_offsets")) })

// bootShift reads a text of lines like "boottime 86400 0" (time_namespaces(7)).
func bootShift(offsets []byte) (shift int64) {
	for line := range bytes.Lines(offsets) {
		var seconds, rest int64
		if n, _ := fmt.Sscanf(string(line), "boottime %d %d", &seconds, &rest); n == 2 {
			shift = seconds*int64(time.Second) + rest
		}
	}
	return shift
}

// place identifies where process ids and start times are unique: a boot of the machine, and in it a PID namespace and
// a time namespace. 0: not known.
func place(proc string) uint64 {
	boot := readFile(proc + "/sys/kernel/random/boot_id")
	if boot == nil {
		return 0
	}
	for _, namespace := range []string{"pid", "time"} {
		name, _ := os.Readlink(proc + "/self/ns/" + namespace) // an old kernel has no time namespaces
		boot = append(append(boot, 0), name...)
	}
	return sum(boot)
}

// Self returns which thread has started this process, and when, in nanoseconds of CLOCK_BOOTTIME. What /proc does
// not show is 0.
func Self(arguments []string) (owner journal.Owner, started int64) {
	pid, parent := os.Getpid(), os.Getppid()
	if self, _ := os.Readlink("/proc/self"); self != strconv.Itoa(pid) {
		return journal.Owner{}, Now() // /proc is that of another PID namespace: its numbers are not ours
	}
	owner.Boot = place("/proc")
	owner.Arguments = sum([]byte(strings.Join(arguments, "\x00")))
	if owner.Started = startOf(parent); owner.Started != 0 {
		owner.Process = uint64(parent)
		owner.Thread = forker(parent, pid)
	}
	if ticked := startOf(pid); ticked != 0 {
		return owner, int64(ticked)*int64(time.Second/ticks) - clockShift()
	}
	return owner, Now()
}

// thisProcess returns this process as the writer of a journal.
func thisProcess() journal.Writer {
	pid := os.Getpid()
	return journal.Writer{Process: uint64(pid), Started: startOf(pid)}
}

// forker returns the thread of a process that has started a child: rsyslogd's worker. The kernel lists a thread's
// children.
func forker(parent, child int) uint64 {
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", parent))
	if err != nil {
		return 0
	}
	want := []byte(strconv.Itoa(child))
	for _, list := range lists {
		for _, pid := range bytes.Fields(readFile(list)) {
			if bytes.Equal(pid, want) {
				thread, _ := strconv.ParseUint(filepath.Base(filepath.Dir(list)), 10, 64)
				return thread
			}
		}
	}
	return 0
}

// startOf returns when a process began, in ticks since the boot; 0: it is gone. Together with the place and its id
// it is unique.
func startOf(pid int) uint64 {
	stat := readFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := bytes.Cut(stat[bytes.LastIndexByte(stat, ')')+1:], []byte(" "))
	fields := bytes.Fields(rest)
	const startTime = 22 - 3 // proc(5): the 22nd field; the first one after the name is the third
	if len(fields) <= startTime {
		return 0
	}
	n, _ := strconv.ParseUint(string(fields[startTime]), 10, 64)
	return n
}

// lives reports whether the thread that started a journal's writer still runs: it will start another writer.
func lives(o journal.Owner, boot uint64) bool {
	if o.Process == 0 || o.Boot != boot || startOf(int(o.Process)) != o.Started {
		return false
	}
	if o.Thread == 0 {
		return true
	}
	_, err := os.Stat(fmt.Sprintf("/proc/%d/task/%d", o.Process, o.Thread))
	return err == nil
}

// same reports whether two owners are one worker of one rsyslogd. A journal whose thread is gone while its rsyslogd
// lives was written by a program that all workers share (forceSingleInstance): any of them goes on with it.
func same(mine, theirs journal.Owner) bool {
	return sameRsyslogd(mine, theirs) && (mine.Thread == theirs.Thread || !lives(theirs, mine.Boot))
}

// sameRsyslogd reports whether two owners are workers of one rsyslogd that have started the same program.
func sameRsyslogd(mine, theirs journal.Owner) bool {
	mine.Thread, theirs.Thread = 0, 0
	return theirs.Process != 0 && mine == theirs
}

// orphan reports whether no process will go on with a dead process's journal: its worker is gone, or has had its
// time since the last beat. Of a worker in another place (a container, an earlier boot) we know only the beat. One
// that is ahead of our clock is of an earlier boot.
func orphan(mine, theirs journal.Owner, beat, now int64) bool {
	visible := theirs.Process == 0 || theirs.Boot == mine.Boot
	if same(mine, theirs) || visible && !lives(theirs, mine.Boot) {
		return true
	}
	return now-beat > int64(grace) || now < beat
}

func readFile(name string) []byte {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil
	}
	return text
}

func sum(b []byte) uint64 {
	h := fnv.New64a()
	h.Write(b)
	return h.Sum64()
}
