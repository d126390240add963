package zcert

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Save writes the public key to path and both keys to path_secret, as zcert_save does, the latter for its owner alone.
// by names the program in the files' first line. Save overwrites nothing. After an error neither file exists, unless it
// existed before; afterwards both are on disk, whole.
func (c *Certificate) Save(path, by string) error {
	if err := CheckPath(path); err != nil {
		return err
	}
	if c.Pair == nil {
		return errors.New("a certificate without its secret key cannot be saved")
	}
	if err := c.check(); err != nil {
		return err
	}
	now, secret := time.Now(), path+Suffix
	if _, err := os.Lstat(path); err == nil { // before anything is written
		return exists(path)
	}
	if err := create(secret, c.text(by, now, true), 0o600); err != nil {
		return err
	}
	err := create(path, c.text(by, now, false), 0o644)
	if err == nil {
		if err = syncFolder(filepath.Dir(path)); err == nil {
			return nil
		}
		os.Remove(path)
	}
	os.Remove(secret)
	return err
}

// CheckPath returns an error if a certificate cannot be saved under this path.
func CheckPath(path string) error {
	switch {
	case path == "" || strings.HasSuffix(path, "/"):
		return errors.New("write the path of a file: its name is missing")
	case strings.HasSuffix(path, Suffix):
		return fmt.Errorf("leave %s out: PATH is the public part, and PATH%s is written, too", Suffix, Suffix)
	}
	return nil
}

func exists(path string) error {
	return fmt.Errorf("%s exists: a key is not overwritten; choose another path, or move %s and %s%s away",
		path, path, strings.TrimSuffix(path, Suffix), Suffix)
}

// create makes a file with this text, which nobody sees before it is whole and on disk. Until then it has a name that
// readers of a folder of certificates pass over, czmq's and ours.
func create(path, text string, mode fs.FileMode) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".zcert-*"+Suffix) // with mode 0600
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w; this makes the folder: mkdir -p %s", about(path, err), Quote(filepath.Dir(path)))
	}
	if err != nil {
		return about(path, err)
	}
	defer os.Remove(file.Name())
	_, err = file.WriteString(text)
	err = errors.Join(about(path, err), file.Chmod(mode), file.Sync(), file.Close())
	if err != nil {
		return err
	}
	err = os.Link(file.Name(), path) // unlike a rename it overwrites nothing
	if errors.Is(err, fs.ErrExist) {
		return exists(path)
	}
	return err
}

// about returns an error about a temporary file as one about path, the name that the user knows.
func about(path string, err error) error {
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		return &fs.PathError{Op: failed.Op, Path: path, Err: failed.Err}
	}
	return err
}

// syncFolder writes a folder's entries to disk.
func syncFolder(folder string) error {
	file, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}
