package spool

import (
	"os"
	"sync"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"
)

// beatInterval is how often a process with something in its journal shows that it lives.
const beatInterval = 100 * time.Millisecond

// Journal is a journal that this process holds. The memory of its Log is gone after Release or Remove.
type Journal struct {
	Log     *journal.Log
	Records []journal.Record // what its last writer has left: see journal.Log.Recover

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

// moved notes where the header is.
func (j *Journal) moved() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.header = j.storage.Header()
}

// Dispute has the next process that takes the journal over take another sender id: see journal.Dispute. Any goroutine
// may call it.
func (j *Journal) Dispute() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.header != nil {
		journal.Dispute(j.header)
	}
}

// busy is called with the first record: from now on the journal shows that its writer lives.
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

// beat is called by the timer, which stops when the journal is empty: an idle program sleeps.
func (j *Journal) beat() {
	j.mu.Lock()
	j.beating = false
	j.mu.Unlock()
	if !j.Log.Empty() { // if it is empty, the next record calls busy
		j.busy()
	}
}

// Path returns the journal's file; "" while it has none.
func (j *Journal) Path() string {
	if file := j.file(); file != nil {
		return file.path
	}
	return ""
}

// NoRoom returns since when the journal has no file, and why; nil: it has one. Any goroutine may call it.
func (j *Journal) NoRoom() (since time.Time, why error) {
	d, ok := j.storage.(*diskless)
	if !ok {
		return time.Time{}, nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.since, d.why
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
		os.Remove(file.path) // a file that cannot be removed owes nothing, and the next process tries again
	}
	file.unmap()
	file.handle.Close() // and with it the lock
}

// file is the journal's place on the disk; nil while it has none.
func (j *Journal) file() *mapping {
	switch s := j.storage.(type) {
	case *mapping:
		return s
	case *diskless:
		return s.file
	}
	return nil
}

// diskless is the storage of a journal for which there was no room on the disk when it was made. Until there is
// room, it has a header and takes no record.
type diskless struct {
	folder *Folder
	page   []byte
	moved  func()
	again  time.Time // when to look for room next
	since  time.Time // when there was none first

	mu   sync.Mutex // for Unload and NoRoom
	file *mapping   // nil: there is still none; the conversation's goroutine sets it, and reads it without mu
	why  error      // why; the same holds
}

// lookAgain is how often room is looked for.
const lookAgain = time.Second

func (d *diskless) Header() []byte {
	if d.file != nil {
		return d.file.Header()
	}
	return d.page
}

func (d *diskless) Extents() [][]byte {
	if d.file != nil {
		return d.file.Extents()
	}
	return nil
}

func (d *diskless) Shrink() {
	if d.file != nil {
		d.file.Shrink()
	}
}

func (d *diskless) Unload() {
	d.mu.Lock()
	file := d.file
	d.mu.Unlock()
	if file != nil {
		file.Unload()
	}
}

func (d *diskless) Extend(size int) error {
	if d.file != nil {
		return d.file.Extend(size)
	}
	if now := time.Now(); !now.Before(d.again) {
		d.again = now.Add(lookAgain)
		file, err := d.folder.make(d.page)
		d.mu.Lock()
		d.file, d.why = file, err
		d.mu.Unlock()
	}
	if d.file == nil {
		return d.why
	}
	d.folder.logger.Info("there is room for the journal again", "file", d.file.path)
	d.moved()
	if size > extentSize {
		return d.file.Extend(size)
	}
	return nil
}
