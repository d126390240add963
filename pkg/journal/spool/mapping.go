package spool

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"
)

const (
	granule    = 64 << 10  // bytes of the largest page that Linux has: what is mapped begins at a multiple of it
	recordsAt  = granule   // where the records begin in the file; the header is at 0
	extentSize = 1 << 20   // bytes by which a journal grows, and with which it begins
	modestSize = 4 << 20   // bytes for records that an empty journal has at most
	maxSize    = 256 << 20 // bytes of records at most; lines beyond them are not journaled
)

// mapping is a journal's file in memory: the journal.Storage that outlives the process. The file's blocks are
// allocated before they are mapped: a store to a page for which the disk has no room would end the process
// (SIGBUS).
type mapping struct {
	handle *os.File
	path   string
	header []byte
	size   int64 // of the file

	mu      sync.Mutex // for Unload
	extents [][]byte   // the conversation's goroutine changes them, and reads them without mu
}

// mapFile maps a whole file, which holds at least a header. path is the name that it has or will have.
func mapFile(file *os.File, path string) (*mapping, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	m := &mapping{handle: file, path: path, size: info.Size()}
	if m.size < recordsAt || m.size > recordsAt+maxSize {
		return nil, journal.ErrForeign
	}
	if rest := m.size % granule; rest > 0 { // it was cut off
		if err := allocate(file, m.size, granule-rest); err != nil {
			return nil, err
		}
		m.size += granule - rest
	}
	if m.header, err = m.mmap(0, journal.HeaderSize); err != nil {
		return nil, err
	}
	if m.size > recordsAt {
		err = m.add(recordsAt, m.size-recordsAt)
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
	grow := max(extentSize, (int64(size)+granule-1)&^(granule-1))
	if m.size-recordsAt+grow > maxSize {
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

// Unload leaves the records to the system's page cache. The memory is that of a shared mapping: what was stored in it
// is the file's content (madvise(2), MADV_DONTNEED). What cannot be unloaded stays.
func (m *mapping) Unload() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.extents {
		unix.Madvise(e, unix.MADV_DONTNEED) //nolint:errcheck // see above
	}
}

// Shrink gives back what an empty journal should not hold. What cannot be given back stays.
func (m *mapping) Shrink() {
	if m.size <= recordsAt+modestSize {
		return
	}
	modest, err := m.mmap(recordsAt, modestSize)
	if err != nil {
		return
	}
	if m.handle.Truncate(recordsAt+modestSize) != nil {
		unix.Munmap(modest) // cannot fail: it is mapped
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.extents {
		unix.Munmap(e)
	}
	m.extents, m.size = [][]byte{modest}, recordsAt+modestSize
}

func (m *mapping) add(offset, size int64) error {
	e, err := m.mmap(offset, int(size))
	if err == nil {
		m.mu.Lock()
		m.extents = append(m.extents, e)
		m.mu.Unlock()
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
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range append(m.extents, m.header) {
		if e != nil {
			unix.Munmap(e)
		}
	}
	m.header, m.extents = nil, nil
}

// allocate makes a file longer by zeros, and reserves the room for them.
func allocate(file *os.File, offset, size int64) error {
	err := unix.Fallocate(int(file.Fd()), 0, offset, size)
	if !errors.Is(err, unix.EOPNOTSUPP) && !errors.Is(err, unix.ENOSYS) {
		return err
	}
	_, err = file.WriteAt(make([]byte, size), offset)
	return err
}
