package spool

import (
	"os"
	"sync"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"
)

// beatInterval is how often a process that keeps something says that it lives.
const beatInterval = 100 * time.Millisecond

// Journal is a journal that this process holds. The memory behind its Log is gone with Release and Remove.
type Journal struct {
	Log     *journal.Log
	Records []journal.Record // what its last writer has left, see journal.Log.Recover

	storage journal.Storage
	owner   journal.Owner // its last writer's
	timer   *time.Timer

	mu      sync.Mutex // for the timer's goroutine
	header  []byte     // nil once the journal is closed
	beating bool       // the timer is set
}

func newJournal(storage journal.Storage, owner journal.Owner) *Journal {
	j := &Journal{storage: storage, owner: owner}
	j.timer = time.AfterFunc(time.Hour, j.beat)
	j.timer.Stop()
	j.moved()
	j.Log = journal.New(storage, j.busy)
	return j
}

// moved takes note of where the header is.
func (j *Journal) moved() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.header = j.storage.Header()
}

// busy is called with the first record: from now on the journal says that its writer lives.
func (j *Journal) busy() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.header == nil {
		return
	}
	journal.SetBeat(j.header, Now())
	if !j.beating {
		j.beating = true
		j.timer.Reset(beatInterval)
	}
}

// beat is the timer's. It stops with the journal empty, so that an idle program sleeps.
func (j *Journal) beat() {
	j.mu.Lock()
	j.beating = false
	j.mu.Unlock()
	if !j.Log.Empty() { // if not, busy comes with the next record
		j.busy()
	}
}

// Path is the journal's file; "" while it has none.
func (j *Journal) Path() string {
	if file := j.file(); file != nil {
		return file.path
	}
	return ""
}

// Release gives the journal up as it is: another process may take it over.
func (j *Journal) Release() { j.close(false) }

// Remove ends a journal that owes nothing.
func (j *Journal) Remove() { j.close(true) }

func (j *Journal) close(remove bool) {
	j.timer.Stop()
	j.mu.Lock()
	j.header = nil
	j.mu.Unlock()
	file := j.file()
	if file == nil {
		return
	}
	if remove {
		os.Remove(file.path) // one that cannot be removed is empty, and the next process tries again
	}
	file.unmap()
	file.handle.Close() // and with it the lock
}

// file is where the journal is on the disk; nil while it is not.
func (j *Journal) file() *mapping {
	switch s := j.storage.(type) {
	case *mapping:
		return s
	case *homeless:
		return s.home
	}
	return nil
}

// homeless is the storage of a journal for which there was no room on the disk when it was made. It keeps a header, and nothing
// else until there is room.
type homeless struct {
	folder *Folder
	page   []byte
	moved  func()
	again  time.Time // when to look for room next
	why    error
	home   *mapping
}

// lookAgain is how often room is looked for.
const lookAgain = time.Second

func (h *homeless) Header() []byte {
	if h.home != nil {
		return h.home.Header()
	}
	return h.page
}

func (h *homeless) Extents() [][]byte {
	if h.home != nil {
		return h.home.Extents()
	}
	return nil
}

func (h *homeless) Shrink() {
	if h.home != nil {
		h.home.Shrink()
	}
}

func (h *homeless) Extend(size int) error {
	if h.home != nil {
		return h.home.Extend(size)
	}
	if now := time.Now(); !now.Before(h.again) {
		h.again = now.Add(lookAgain)
		h.home, h.why = h.folder.make(h.page)
	}
	if h.home == nil {
		return h.why
	}
	h.folder.logger.Info("there is room for the journal again", "file", h.home.path)
	h.moved()
	if size > extentSize {
		return h.home.Extend(size)
	}
	return nil
}
