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
