package spool

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/descriptor"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"
)

// How long a predecessor that rsyslog has given up may take to end: by itself, and after SIGKILL. rsyslog waits 10
// s for this process's first word (omprog's confirmTimeout).
const (
	endsByItself = 500 * time.Millisecond
	endsByForce  = 2 * time.Second
)

// forkTime is how long a child of rsyslogd may hold a copy of a pipe's other end, between fork and exec.
const forkTime = 100 * time.Millisecond

// endPredecessor ends the process that this one replaces, if rsyslog has given it up and it lives on with its journal:
// it was stopped, or swapped out, for longer than omprog's confirmTimeout, and without killUnresponsive="on" rsyslog
// leaves it alone. Two processes would send one worker's lines under two sender ids, and all that the first had sent
// would be stored twice. What it has accepted is in the journal, as after any other kill. It reports whether a journal
// may have become free. unread is what the process had not read when it was killed; nil: it has ended by itself.
func (f *Folder) endPredecessor(alone bool) (unread []byte, ended bool) {
	for _, path := range f.list() {
		page := readHeader(path)
		_, owner, err := journal.ReadHeader(page)
		if err != nil || !same(f.owner, owner) && !(alone && sameRsyslogd(f.owner, owner)) {
			continue
		}
		p := find(journal.WriterOf(page))
		if p == nil {
			return nil, true // it has ended in the meantime
		}
		defer p.close()
		if !p.endsWithin(0) && !p.hungUp() {
			continue
		}
		if !p.endsWithin(endsByItself) {
			f.logger.Warn("ending an omzmq that rsyslog has given up and that still runs, and taking its journal over",
				"process", p.id, "file", path)
			p.kill()
			if !p.endsWithin(endsByForce) {
				f.logger.Error("it does not end: what it had sent may be stored twice", "process", p.id, "file", path)
				return nil, false
			}
			return p.unread(), true
		}
		return nil, true
	}
	return nil, false
}

// readHeader returns the header of a journal of ours without locking it; nil if it cannot be read. A file of another
// user might name any process.
func readHeader(path string) []byte {
	file, err := openOurs(path)
	if err != nil {
		return nil
	}
	defer file.Close()
	page := make([]byte, journal.HeaderSize)
	if n, _ := file.ReadAt(page, 0); n < len(page) {
		return nil
	}
	return page
}

// process is the writer of a journal.
type process struct {
	id    int
	fd    int // its pidfd: no other process can come in its place
	stdin int // its standard input, as hungUp has opened it; -1: not open
}

// find returns a process, or nil if it is gone or not known.
func find(w journal.Writer) *process {
	id := int(w.Process)
	fd, err := unix.PidfdOpen(id, 0)
	if err != nil {
		return nil
	}
	p := &process{id, fd, -1}
	if startOf(id) != w.Started {
		p.close()
		return nil
	}
	return p
}

// hungUp reports whether nobody can write to the process's standard input any more. Another process with the same
// arguments, of another action, has its pipe open. It opens the pipe once more, and does not read from it.
func (p *process) hungUp() bool {
	stdin, err := unix.Open(fmt.Sprintf("/proc/%d/fd/0", p.id), unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return err == unix.ENOENT // it is ending, and has closed its files
	}
	p.stdin = stdin
	var kind unix.Stat_t
	if unix.Fstat(stdin, &kind) != nil || kind.Mode&unix.S_IFMT != unix.S_IFIFO {
		return false
	}
	ready, err := descriptor.Poll([]unix.PollFd{{Fd: int32(stdin)}}, forkTime) // POLLHUP is always looked for
	return err == nil && ready > 0
}

// unread returns what is left in the pipe of a process that has hung up and ended: rsyslog's last line, if the process
// was frozen before it could read it.
func (p *process) unread() []byte {
	const most = 64 << 10 // bytes: a pipe's usual size; only a short line is of interest
	line := make([]byte, most)
	n, _ := unix.Read(p.stdin, line) // nothing, or not open: -1
	return line[:max(n, 0)]
}

// endsWithin reports whether the process has ended, which it waits for.
func (p *process) endsWithin(d time.Duration) bool {
	ready, err := descriptor.Poll([]unix.PollFd{{Fd: int32(p.fd), Events: unix.POLLIN}}, d)
	return err == nil && ready > 0
}

func (p *process) kill() {
	unix.PidfdSendSignal(p.fd, unix.SIGKILL, nil, 0) //nolint:errcheck // endsWithin shows whether it helped
}

func (p *process) close() {
	unix.Close(p.fd) //nolint:errcheck // nothing was written
	if p.stdin >= 0 {
		unix.Close(p.stdin) //nolint:errcheck // nothing was written
	}
}
