package spool

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"
)

const (
	extentSize = 1 << 20   // bytes by which a journal grows, and with which it begins
	modestSize = 4 << 20   // bytes of records that an empty journal keeps
	maxSize    = 256 << 20 // bytes of records at most; a longer backlog goes without
)

// mapping is a journal's file in memory: the journal.Storage that outlives the process. The file's blocks are allocated
// before they are mapped, because a store to a page for which the disk has no room ends the process (SIGBUS).
type mapping struct {
	handle  *os.File
	path    string
	header  []byte
	extents [][]byte
	size    int64 // of the file
}

// mapFile maps a file that holds at least a header, whole. path is the name that it has or will have.
func mapFile(file *os.File, path string) (*mapping, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	m := &mapping{handle: file, path: path, size: info.Size() &^ 7}
	if m.size < journal.HeaderSize {
		return nil, journal.ErrForeign
	}
	if m.header, err = m.mmap(0, journal.HeaderSize); err != nil {
		return nil, err
	}
	if m.size > journal.HeaderSize {
		err = m.add(journal.HeaderSize, m.size-journal.HeaderSize)
	}
	if err != nil {
		m.unmap()
		return nil, err
	}
	return m, nil
}

func (m *mapping) Header() []byte    { return m.header }
func (m *mapping) Extents() [][]byte { return m.extents }

// Extend makes the file longer.
func (m *mapping) Extend(size int) error {
	grow := max(extentSize, (int64(size)+journal.HeaderSize-1)&^(journal.HeaderSize-1))
	if m.size-journal.HeaderSize+grow > maxSize {
		return fmt.Errorf("it holds %d MiB: %w", maxSize>>20, journal.ErrFull)
	}
	if err := allocate(m.handle, m.size, grow); err != nil {
		return err
	}
	if err := m.add(m.size, grow); err != nil {
		return err
	}
	m.size += grow
	return nil
}

// Shrink gives back what is more than an empty journal should hold.
func (m *mapping) Shrink() {
	if m.size <= journal.HeaderSize+modestSize {
		return
	}
	for _, e := range m.extents {
		unix.Munmap(e) // it is ours and mapped
	}
	m.extents = m.extents[:0]
	// Should mapping fail, the journal has no room, and says so with the next line.
	if m.handle.Truncate(journal.HeaderSize+modestSize) == nil {
		m.size = journal.HeaderSize + modestSize
	}
	m.add(journal.HeaderSize, m.size-journal.HeaderSize)
}

func (m *mapping) add(offset, size int64) error {
	e, err := m.mmap(offset, int(size))
	if err == nil {
		m.extents = append(m.extents, e)
	}
	return err
}

func (m *mapping) mmap(offset int64, size int) ([]byte, error) {
	b, err := unix.Mmap(int(m.handle.Fd()), offset, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map it: %w", err)
	}
	return b, nil
}

// unmap ends the use of the memory.
func (m *mapping) unmap() {
	for _, e := range append(m.extents, m.header) {
		if e != nil {
			unix.Munmap(e)
		}
	}
	m.header, m.extents = nil, nil
}

// allocate makes a file longer by zeros for which there is room.
func allocate(file *os.File, offset, size int64) error {
	err := unix.Fallocate(int(file.Fd()), 0, offset, size)
	if !errors.Is(err, unix.EOPNOTSUPP) && !errors.Is(err, unix.ENOSYS) {
		return err
	}
	_, err = file.WriteAt(make([]byte, size), offset)
	return err
}
