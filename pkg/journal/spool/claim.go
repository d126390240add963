package spool

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"
)

// How a journal's file is opened and locked, or made.

// claim opens and locks a journal if no process holds it and wanted, called with its owner and last beat, returns true.
func (f *Folder) claim(path string, wanted func(journal.Owner, int64) bool) *Journal {
	file, err := openOurs(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it was removed in the meantime
	}
	var j *Journal
	if err == nil {
		if j, err = read(file, path, wanted); j == nil {
			file.Close()
		}
	}
	if err != nil {
		f.complain(path, "a journal is left as it is", err)
	}
	return j
}

// openOurs opens a regular file that belongs to our user. It follows no link and does not block.
func openOurs(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("what it owes is not delivered until rsyslogd's user may read and write it: %w", err)
	}
	if err != nil {
		return nil, err
	}
	var info unix.Stat_t
	switch err = unix.Fstat(int(file.Fd()), &info); {
	case err != nil:
	case info.Mode&unix.S_IFMT != unix.S_IFREG:
		err = journal.ErrForeign
	case info.Uid != uint32(os.Geteuid()):
		err = errStranger
	default:
		return file, nil
	}
	file.Close()
	return nil, err
}

// read returns nil for a journal that is held or not wanted.
func read(file *os.File, path string, wanted func(journal.Owner, int64) bool) (*Journal, error) {
	// Only a process that may want the journal locks it: a lock held just to look would hide it from the process
	// that goes on with it.
	page := make([]byte, journal.HeaderSize)
	file.ReadAt(page, 0) //nolint:errcheck // what cannot be read is no header
	if _, owner, err := journal.ReadHeader(page); err != nil || !wanted(owner, journal.Beat(page)) {
		return nil, err
	}
	if err := lock(file); err == unix.EWOULDBLOCK {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("lock it: %w", err)
	}
	if !named(file, path) {
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

func lock(file *os.File) error { return unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB) }

// named reports whether a path still leads to an open file.
func named(file *os.File, path string) bool {
	opened, err := file.Stat()
	if err != nil {
		return false
	}
	there, err := os.Lstat(path)
	return err == nil && os.SameFile(opened, there)
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
		d := &diskless{folder: f, page: page, why: err, since: time.Now()}
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
	making := unfinished(f.path, id)
	path := strings.TrimSuffix(making, newSuffix) + suffix
	file, err := os.OpenFile(making, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	storage, err := fill(file, path, page)
	if err == nil {
		if err = os.Rename(making, path); err != nil {
			storage.unmap()
		}
	}
	if err != nil {
		file.Close()
		os.Remove(making)
		return nil, err
	}
	return storage, nil
}

// unfinished is the name of a journal that is being made.
func unfinished(folder string, id [journal.IDSize]byte) string {
	return filepath.Join(folder, hex.EncodeToString(id[:])+newSuffix)
}

// sweep removes a journal that was never finished, once its maker is gone. What is not certainly one is left as it is:
// a file of another name, kind, user or content.
func sweep(path string) {
	name := strings.TrimSuffix(filepath.Base(path), newSuffix)
	if id, err := hex.DecodeString(name); err != nil || len(id) != journal.IDSize {
		return
	}
	file, err := openOurs(path)
	if err != nil {
		return
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || time.Since(info.ModTime()) < time.Minute || lock(file) != nil || !named(file, path) {
		return
	}
	page := make([]byte, journal.HeaderSize)
	file.ReadAt(page, 0) //nolint:errcheck // what cannot be read stays zero
	if _, _, err := journal.ReadHeader(page); err == nil || len(bytes.Trim(page, "\x00")) == 0 {
		os.Remove(path)
	}
}

func fill(file *os.File, path string, page []byte) (*mapping, error) {
	if err := lock(file); err != nil {
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
