// Package journaltest gives tests a journal in memory, and what a process that dies now would leave in it.
package journaltest

import (
	"testing"
	"unsafe"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"
)

// extentSize is the size of an extent, in bytes: small, so that a journal has several.
const extentSize = 256

// Memory is a journal.Storage.
type Memory struct {
	Unloaded func() // called by Unload; nil: no call

	header  []byte
	extents [][]byte
}

// New makes the storage of an empty journal.
func New(id [journal.IDSize]byte) *Memory {
	m := &Memory{header: aligned(journal.HeaderSize)}
	journal.WriteHeader(m.header, id, journal.Owner{})
	return m
}

// aligned is zeroed memory that begins at a multiple of 8. size is a multiple of 8.
func aligned(size int) []byte {
	words := make([]uint64, size/8)
	return unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), size)
}

// Header implements journal.Storage.
func (m *Memory) Header() []byte { return m.header }

// Extents implements journal.Storage.
func (m *Memory) Extents() [][]byte { return m.extents }

// Shrink implements journal.Storage. It gives nothing back.
func (m *Memory) Shrink() {}

// Unload implements journal.Storage.
func (m *Memory) Unload() {
	if m.Unloaded != nil {
		m.Unloaded()
	}
}

// Extend implements journal.Storage. There is always room.
func (m *Memory) Extend(size int) error {
	m.extents = append(m.extents, aligned(max(extentSize, size)))
	return nil
}

// Owed returns the lines that a process that takes the journal over now would owe.
func (m *Memory) Owed(t testing.TB) (lines []string) {
	t.Helper()
	for _, r := range m.Recover(t, journal.Successor{}) {
		lines = append(lines, string(r.Line))
	}
	return lines
}

// Recover returns what a process would find that takes the journal over now. The journal itself does not change.
func (m *Memory) Recover(t testing.TB, by journal.Successor) []journal.Record {
	t.Helper()
	twin := &Memory{header: aligned(len(m.header))}
	copy(twin.header, m.header)
	for _, e := range m.extents {
		twin.extents = append(twin.extents, aligned(len(e)))
		copy(twin.extents[len(twin.extents)-1], e)
	}
	records, err := journal.New(twin, nil).Recover(by)
	if err != nil {
		t.Fatal(err)
	}
	return records
}
