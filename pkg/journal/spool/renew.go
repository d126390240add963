package spool

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"
)

// Renew gives every journal of the folder another sender id, for one of two machines of which one was cloned from the
// other. What is in the journals stays there and keeps its numbers. It returns how many journals there are, and changes
// none if a process holds one.
func (f *Folder) Renew() (journals int, err error) {
	var all []*Journal
	defer func() {
		for _, j := range all {
			j.Release()
		}
	}()
	for _, path := range f.list() {
		j := f.claim(path, func(journal.Owner, int64) bool { return true })
		if j == nil {
			return 0, fmt.Errorf("%s is in use, or cannot be read: stop rsyslogd, and see what omzmq has logged", path)
		}
		all = append(all, j)
	}
	for _, j := range all {
		if err := j.renew(f.newID()); err != nil {
			return 0, err
		}
	}
	return len(all), nil
}

// renew writes the header with another id in one system call, which a kill does not divide, and then names the file
// after the id.
func (j *Journal) renew(id [journal.IDSize]byte) error {
	file := j.file()
	page := append([]byte(nil), file.header...)
	journal.SetID(page, id)
	if _, err := file.handle.WriteAt(page, 0); err != nil {
		return err
	}
	j.sync()
	folder := file.path[:strings.LastIndexByte(file.path, '/')]
	path := strings.TrimSuffix(unfinished(folder, id), newSuffix) + suffix
	if err := os.Rename(file.path, path); err != nil {
		return err
	}
	file.path = path
	return nil
}

// sync waits until the header is on the disk. Without a disk there is nothing to wait for, and where it fails, the next
// process finds the header as it was.
func (j *Journal) sync() {
	if file := j.file(); file != nil {
		unix.Msync(file.header, unix.MS_SYNC) //nolint:errcheck // see above
	}
}
