package spool

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"
)

// How a journal's file is opened and locked, or made.

// claim opens and locks a journal if no process holds it and wanted, called with its owner and last beat, returns true.
func (f *Folder) claim(path string, wanted func(journal.Owner, int64) bool) *Journal {
	file, err := os.OpenFile(path, os.O_RDWR|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it was removed in the meantime
	}
	if err != nil {
		f.complain(path, "cannot open a journal, and what it owes is not delivered: rsyslogd's user must be allowed to read and write it", err)
		return nil
	}
	j, err := f.open(file, path, wanted)
	if err != nil {
		f.complain(path, "a journal is left as it is", err)
	}
	if j == nil {
		file.Close()
	}
	return j
}

// open returns nil for a journal that is held or not wanted.
func (f *Folder) open(file *os.File, path string, wanted func(journal.Owner, int64) bool) (*Journal, error) {
	var held, named unix.Stat_t
	switch err := unix.Fstat(int(file.Fd()), &held); {
	case err != nil:
		return nil, err
	case held.Mode&unix.S_IFMT != unix.S_IFREG:
		return nil, journal.ErrForeign
	case held.Uid != uint32(os.Geteuid()):
		return nil, errStranger
	}
	// Only a process that may want the journal locks it: a lock held just to look would hide it from the process
	// that goes on with it.
	page := make([]byte, journal.HeaderSize)
	file.ReadAt(page, 0) //nolint:errcheck // what cannot be read is no header
	if _, owner, err := journal.ReadHeader(page); err != nil || !wanted(owner, journal.Beat(page)) {
		return nil, err
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err == unix.EWOULDBLOCK {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("lock it: %w", err)
	}
	if unix.Stat(path, &named) != nil || held.Ino != named.Ino {
		return nil, nil // it was removed before we had the lock
	}
	storage, err := mapFile(file, path)
	if err != nil {
		return nil, err
	}
	_, owner, err := journal.ReadHeader(storage.Header())
	if err != nil || !wanted(owner, journal.Beat(storage.Header())) {
		storage.unmap()
		return nil, err
	}
	return newJournal(storage, owner), nil
}

// create makes a new journal. Without room on the disk it begins in memory, and moves to the disk when there is room.
func (f *Folder) create() (*Journal, error) {
	page := make([]byte, journal.HeaderSize)
	journal.WriteHeader(page, f.newID(), f.owner)
	journal.SetWriter(page, f.writer)
	storage, err := f.make(page)
	if full(err) {
		f.logger.Error("there is no room for a journal: until there is, every message is answered only when it is confirmed, which is slow",
			"folder", f.path, "reason", err)
		d := &diskless{folder: f, page: page, why: err}
		j := newJournal(d, f.owner)
		d.moved = j.moved
		return j, nil
	}
	if err != nil {
		return nil, explain(f.path, err)
	}
	return newJournal(storage, f.owner), nil
}

// make makes the file of a new journal, locked, and gives it its name when it is ready.
func (f *Folder) make(page []byte) (*mapping, error) {
	id, _, err := journal.ReadHeader(page)
	if err != nil {
		return nil, err
	}
	name := filepath.Join(f.path, hex.EncodeToString(id[:]))
	file, err := os.OpenFile(name+newSuffix, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	storage, err := fill(file, name+suffix, page)
	if err == nil {
		if err = os.Rename(name+newSuffix, name+suffix); err != nil {
			storage.unmap()
		}
	}
	if err != nil {
		file.Close()
		os.Remove(name + newSuffix)
		return nil, err
	}
	return storage, nil
}

func fill(file *os.File, path string, page []byte) (*mapping, error) {
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, err
	}
	if err := allocate(file, 0, recordsAt+extentSize); err != nil {
		return nil, err
	}
	storage, err := mapFile(file, path)
	if err == nil {
		copy(storage.Header(), page)
	}
	return storage, err
}
