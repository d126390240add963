package spool

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"
)

// Check returns what Open would find wrong with a folder of journals. It makes no folder, and touches no journal; it
// makes a file of its own and removes it. missing: the folder is not there, and Open would make it.
func Check(path string) (missing bool, err error) {
	folder, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		return true, explain(path, creatable(path))
	}
	if err == nil {
		err = safe(folder, os.Geteuid())
	}
	if err == nil {
		var id [journal.IDSize]byte
		rand.Read(id[:]) //nolint:errcheck // it never fails (crypto/rand)
		err = probe(unfinished(folder, id))
	}
	return false, explain(path, err)
}

// Room returns an error if there is no room for a journal in a folder, or in the one that it would be made in. It
// makes a file as large as a new journal, which has lost its name before that and is gone when Room returns: free
// blocks and inodes, reserves and quotas count as they would for a journal.
func Room(path string) error {
	folder := path
	if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
		folder = filepath.Dir(filepath.Clean(path))
	}
	file, err := os.CreateTemp(folder, ".omzmq-check-")
	if err == nil {
		defer file.Close()
		os.Remove(file.Name())
		err = allocate(file, 0, recordsAt+extentSize)
	}
	if !full(err) {
		return err
	}
	if cause := (*fs.PathError)(nil); errors.As(err, &cause) {
		err = cause.Err
	}
	return fmt.Errorf("--journal %s: %w: a journal needs %d KiB and an inode, and grows up to %d MiB%s",
		path, err, (recordsAt+extentSize)>>10, (recordsAt+maxSize)>>20, free(folder))
}

// free says what a file system has left for this user; "": it does not say.
func free(folder string) string {
	var s unix.Statfs_t
	if unix.Statfs(folder, &s) != nil || s.Blocks == 0 {
		return ""
	}
	blocks := s.Bavail
	if os.Geteuid() == 0 {
		blocks = s.Bfree // root may use the reserve
	}
	text := fmt.Sprintf("; free KiB: %d", blocks*uint64(s.Bsize)>>10)
	if s.Files > 0 {
		text += fmt.Sprintf(", free inodes: %d", s.Ffree)
	}
	return text
}

// creatable returns why this user cannot make a folder, or nil.
func creatable(path string) error {
	parent := filepath.Dir(filepath.Clean(path))
	info, err := os.Stat(parent)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return unix.ENOTDIR
	}
	if err := unix.Faccessat(unix.AT_FDCWD, parent, unix.W_OK|unix.X_OK, unix.AT_EACCESS); err != nil {
		return fmt.Errorf("%s: %w", parent, err)
	}
	return nil
}
