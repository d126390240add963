package spool

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"
)

// birth is what a process knows about its own start.
type birth struct {
	Owner   journal.Owner
	Started int64
}

// playOwner prints its birth and waits for the end of its stdin.
func playOwner(arguments []string) error {
	var b birth
	b.Owner, b.Started = Self(arguments)
	if err := json.NewEncoder(os.Stdout).Encode(b); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// onThread runs do in a thread of its own. The thread ends when the returned function is called.
func onThread(do func(thread int)) (end func()) {
	done, over, ended := make(chan struct{}), make(chan struct{}), make(chan int)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		do(unix.Gettid())
		close(done)
		<-over
		ended <- unix.Gettid()
	}()
	<-done
	return func() {
		close(over)
		<-ended
	}
}

// A child finds the thread that has started it, and its own start.
func TestForker(t *testing.T) {
	for range 3 {
		var child *actor
		var thread int
		before := Now()
		end := onThread(func(id int) { child, thread = play(t, "owner", "--connect", "x"), id })
		var b birth
		if err := json.Unmarshal([]byte(child.next(t)), &b); err != nil {
			t.Fatal(err)
		}
		const tick = int64(time.Second / ticks)
		if b.Started < before-tick || b.Started > Now() {
			t.Errorf("started at %d, which is not between %d and now", b.Started, before)
		}
		self, _ := Self([]string{"--connect", "x"})
		want := journal.Owner{
			Boot: self.Boot, Process: uint64(os.Getpid()), Started: startOf(os.Getpid()), Thread: uint64(thread), Arguments: self.Arguments,
		}
		if b.Owner != want || want.Boot == 0 || want.Started == 0 {
			t.Errorf("started by %+v, want %+v", b.Owner, want)
		}
		if got := forker(os.Getpid(), child.Process.Pid); got != uint64(thread) {
			t.Errorf("the child's thread is %d, want %d", got, thread)
		}
		if got := forker(os.Getpid(), 1); got != 0 {
			t.Errorf("thread %d has started process 1", got)
		}
		end()
	}
}

// worker is a thread of this process as an owner of journals.
func worker(thread int) journal.Owner {
	self, _ := Self(nil)
	return journal.Owner{Boot: self.Boot, Process: uint64(os.Getpid()), Started: startOf(os.Getpid()), Thread: uint64(thread), Arguments: 7}
}

// deadProcess is a process that has ended.
func deadProcess(t *testing.T) journal.Owner {
	t.Helper()
	o := worker(0)
	cmd := exec.Command("cat")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	o.Process, o.Started = uint64(cmd.Process.Pid), startOf(cmd.Process.Pid)
	o.Thread = o.Process
	if !lives(o, o.Boot) {
		t.Error("a process that lives is taken for dead")
	}
	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	return o
}

// deadThread is a thread of this process that has ended.
func deadThread(t *testing.T) int {
	t.Helper()
	thread := os.Getpid()
	for thread == os.Getpid() { // the first thread ends with the process only
		onThread(func(id int) { thread = id })()
	}
	task := filepath.Join("/proc/self/task", strconv.Itoa(thread))
	eventually(t, "the thread ends", func() bool {
		_, err := os.Stat(task)
		return os.IsNotExist(err)
	})
	return thread
}

// Which process goes on with a dead process's journal, and when another takes it over.
func TestSuccession(t *testing.T) {
	self, other := 0, 0
	defer onThread(func(id int) { self = id })()
	defer onThread(func(id int) { other = id })()
	gone := deadThread(t)
	change := func(thread int, do func(*journal.Owner)) journal.Owner {
		o := worker(thread)
		do(&o)
		return o
	}
	for name, c := range map[string]struct {
		owner  journal.Owner
		own    bool // its successor goes on with it
		orphan bool // it is adopted at once
	}{
		"the same worker":                     {worker(self), true, true},
		"a worker that is gone":               {worker(gone), true, true},
		"a worker that lives":                 {worker(other), false, false},
		"rsyslogd lives, worker not known":    {worker(0), false, false},
		"the same worker, another command":    {change(self, func(o *journal.Owner) { o.Arguments++ }), false, false},
		"a worker gone, another command":      {change(gone, func(o *journal.Owner) { o.Arguments++ }), false, true},
		"the same numbers, another rsyslogd":  {change(self, func(o *journal.Owner) { o.Started++ }), false, true},
		"the same numbers, another container": {change(self, func(o *journal.Owner) { o.Boot++ }), false, false},
		"a worker gone, another container":    {change(gone, func(o *journal.Owner) { o.Boot++ }), false, false},
		"another rsyslogd, dead":              {deadProcess(t), false, true},
		"another rsyslogd that lives":         {change(0, func(o *journal.Owner) { o.Process, o.Started = 1, startOf(1) }), false, false},
		"nobody knows whose, half taken over": {journal.Owner{Boot: worker(self).Boot}, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			f, _ := open(t, t.TempDir())
			f.owner = worker(self)
			leave(t, f, c.owner, 0)
			j := own(t, f)
			if got := len(j.Records) > 0; got != c.own {
				t.Errorf("its own: %v, want %v", got, c.own)
			}
			if c.own && j.Records[0].Fate != journal.Again {
				t.Error("its line will come again, and its record does not say so")
			}
			f, _ = open(t, t.TempDir())
			f.owner = worker(self)
			leave(t, f, c.owner, 0)
			if got := len(f.Orphans(9)) > 0; got != c.orphan {
				t.Errorf("an orphan at once: %v, want %v", got, c.orphan)
			}
			f, _ = open(t, t.TempDir())
			f.owner = worker(self)
			leave(t, f, c.owner, grace-time.Second)
			if got := len(f.Orphans(9)) > 0; got != c.orphan {
				t.Errorf("an orphan before its worker's time is over: %v, want %v", got, c.orphan)
			}
			f, _ = open(t, t.TempDir())
			f.owner = worker(self)
			leave(t, f, c.owner, grace+time.Second)
			found := f.Orphans(9)
			if len(found) != 1 {
				t.Fatal("no process takes it over")
			}
			if found[0].Records[0].Fate == journal.Again {
				t.Error("an orphan's line is said to come again")
			}
			if _, owner, err := journal.ReadHeader(found[0].storage.Header()); err != nil || owner != (journal.Owner{}) {
				t.Errorf("its owner is now %+v, %v", owner, err)
			}
		})
	}
}

// leave makes a dead process's journal: a line without an answer, and when the process last showed that it lived.
func leave(t *testing.T, f *Folder, owner journal.Owner, ago time.Duration) {
	t.Helper()
	j, err := f.create()
	if err != nil {
		t.Fatal(err)
	}
	j.Log.Opened(1)
	keep(t, j, 1, "owed")
	j.timer.Stop()
	journal.SetOwner(j.storage.Header(), owner)
	journal.SetBeat(j.storage.Header(), Now()-int64(ago))
	j.Release()
}

// Where peers connect to this process, it goes on with any dead process's journal, preferably with that of its own
// worker.
func TestAnybodysJournal(t *testing.T) {
	f, _ := open(t, t.TempDir())
	defer onThread(func(id int) { f.owner = worker(id) })()
	leave(t, f, deadProcess(t), 0)
	j, err := f.Own(true, "COMMIT TRANSACTION")
	if err != nil {
		t.Fatal(err)
	}
	want(t, j.Records, 1, "owed")
	if j.Records[0].Fate == journal.Again {
		t.Error("another worker's line is said to come again")
	}
	j.Release()

	leave(t, f, f.owner, time.Hour)
	leave(t, f, deadProcess(t), 0)
	if j, err = f.Own(true, "COMMIT TRANSACTION"); err != nil {
		t.Fatal(err)
	}
	if !same(f.owner, j.owner) {
		t.Error("another's journal was preferred to its own")
	}
}

func (j *Journal) beats() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.beating
}

// While something is in the journal, its writer shows periodically that it lives. An idle process sleeps.
func TestBeat(t *testing.T) {
	f, _ := open(t, t.TempDir())
	j := own(t, f)
	defer j.Release()
	header := j.storage.Header()
	if journal.Beat(header) != 0 || j.beats() {
		t.Error("an empty journal beats")
	}
	before := Now()
	keep(t, j, 1, "a")
	first := journal.Beat(header)
	if first < before {
		t.Errorf("the first line did not set the beat: %d", first)
	}
	eventually(t, "it beats", func() bool { return journal.Beat(header) > first })
	j.Log.Reset(2)
	eventually(t, "it sleeps", func() bool { return !j.beats() })
	last := journal.Beat(header)
	keep(t, j, 2, "b")
	if journal.Beat(header) <= last {
		t.Error("it does not begin to beat again at once")
	}
}

// The processes of all workers were killed at once, and rsyslogd starts all of them again after the same pause:
// each finds what its predecessor left, while the others look, too.
func TestWorkersStartAtOnce(t *testing.T) {
	const workers, rounds = 4, 50
	var threads [workers]int
	for i := range threads {
		defer onThread(func(thread int) { threads[i] = thread })()
	}
	for range rounds {
		path := t.TempDir()
		var folders [workers]*Folder
		for i, thread := range threads {
			folders[i], _ = open(t, path)
			leave(t, folders[i], worker(thread), 0)
			folders[i].owner = worker(thread)
		}
		var found [workers]*Journal
		var together sync.WaitGroup
		for i, f := range folders {
			together.Go(func() { found[i], _ = f.Own(false, "COMMIT TRANSACTION") })
		}
		together.Wait()
		for i, j := range found {
			if j == nil || len(j.Records) != 1 {
				t.Fatalf("worker %d has not found its journal", i)
			}
			j.Release()
		}
	}
}

// The timer fires just when the journal is closed.
func TestBeatAfterTheEnd(t *testing.T) {
	f, _ := open(t, t.TempDir())
	j := own(t, f)
	keep(t, j, 1, "a")
	j.Remove()
	j.beat()
}
