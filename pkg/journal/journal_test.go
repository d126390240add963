package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"
	"unsafe"
)

var (
	someID    = [IDSize]byte{0, 1, 2, 3}
	someOwner = Owner{Boot: 1, Process: 2, Started: 3, Thread: 4, Arguments: 5}
)

// memory is a Storage that outlives its Log.
type memory struct {
	header  []byte
	extents [][]byte
	size    int // of each extent that is added, at the least
	room    int // bytes of all extents together, at most; 0: any
}

// aligned is zeroed memory that begins at a multiple of 8.
func aligned(size int) []byte {
	if size == 0 {
		return nil
	}
	words := make([]uint64, (size+7)/8)
	return unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), size)
}

func newMemory(size int) *memory {
	m := &memory{header: aligned(HeaderSize), size: size}
	WriteHeader(m.header, someID, someOwner)
	return m
}

func (m *memory) Header() []byte    { return m.header }
func (m *memory) Extents() [][]byte { return m.extents }
func (m *memory) Shrink()           {}
func (m *memory) Unload()           {}

func (m *memory) Extend(size int) error {
	size = max(size, m.size)
	if m.room > 0 && m.held()+size > m.room {
		return ErrFull
	}
	m.extents = append(m.extents, aligned(size))
	return nil
}

func (m *memory) held() (n int) {
	for _, e := range m.extents {
		n += len(e)
	}
	return n
}

// snapshot is what a process that dies now would leave. A successor maps its file as one extent.
func (m *memory) snapshot() *memory {
	s := &memory{header: aligned(HeaderSize), size: m.size}
	copy(s.header, m.header)
	if held := m.held(); held > 0 {
		s.extents = [][]byte{aligned(held)}
		copy(s.extents[0], slices.Concat(m.extents...))
	}
	return s
}

// written makes a Log and appends the lines of one transaction, each of them answered.
func written(t testing.TB, m *memory, lines ...string) (*Log, []Ref) {
	t.Helper()
	l := New(m, nil)
	l.Opened(1)
	var refs []Ref
	for i, line := range lines {
		refs = append(refs, appended(t, l, uint64(i+1), line))
		l.Answering(Deferred)
	}
	return l, refs
}

func appended(t testing.TB, l *Log, seq uint64, line string) Ref {
	t.Helper()
	journaled, ref, err := l.Append(seq, []byte(line))
	if err != nil || string(journaled) != line || !ref.Journaled() {
		t.Fatalf("Append(%d, %.20q): %.20q, %v, %v", seq, line, journaled, ref, err)
	}
	return ref
}

// recovered is a successor's view.
func recovered(t testing.TB, m *memory, by Successor) ([]Record, *Log) {
	t.Helper()
	l := New(m, nil)
	records, err := l.Recover(by)
	if err != nil {
		t.Fatal(err)
	}
	return records, l
}

func texts(records []Record) (lines []string) {
	for _, r := range records {
		lines = append(lines, string(r.Line))
	}
	return lines
}

func TestRecordsOutliveTheLog(t *testing.T) {
	var lines []string
	for i := range 200 {
		lines = append(lines, fmt.Sprintf("%d %s", i, bytes.Repeat([]byte{byte(i)}, i*7%301)))
	}
	for _, size := range []int{64, 400, 1 << 10, 1 << 20} {
		m := newMemory(size)
		_, refs := written(t, m, lines...)
		refs[0].Route(77)
		records, l := recovered(t, m.snapshot(), Successor{})
		if got := texts(records); !slices.Equal(got, lines) {
			t.Errorf("extents of %d: %d lines came back, want %d; first %.40q", size, len(got), len(lines), got[:1])
			continue
		}
		if records[0].Route != 77 || records[1].Route != 0 || records[199].Seq != 200 || l.Next() != 201 || l.ID() != someID {
			t.Errorf("extents of %d: %+v … %+v, next %d", size, records[0].Route, records[199].Seq, l.Next())
		}
		appended(t, l, 201, "new") // after the others
		if records, _ := recovered(t, m.snapshot(), Successor{}); len(records) != 200 {
			t.Errorf("the snapshot changed: %d", len(records))
		}
	}
}

// Whatever the last call before the death was, what is owed is there, and nothing else.
func TestDeathAfterEachCall(t *testing.T) {
	m := newMemory(200)
	l := New(m, nil)
	seq, owed := uint64(0), []string(nil)
	var refs []Ref
	check := func(after string) {
		t.Helper()
		records, next := recovered(t, m.snapshot(), Successor{})
		if got := texts(records); !slices.Equal(got, owed) {
			t.Fatalf("after %s: owed %q, want %q", after, got, owed)
		}
		if next.Next() <= seq {
			t.Fatalf("after %s: number %d would be given out again, %d is in use", after, next.Next(), seq)
		}
	}
	for round := range 20 {
		l.Opened(1)
		check("BEGIN")
		for i := range round {
			seq++
			line := fmt.Sprintf("line %d of round %d, and so on and so forth", i, round)
			refs = append(refs, appended(t, l, seq, line))
			owed = append(owed, line)
			check("a line")
			l.Answering(Deferred)
			check("the reply")
		}
		l.Closing(0)
		check("COMMIT")
		for _, r := range refs {
			r.Confirm()
			owed = owed[1:]
			check("a confirmation")
		}
		l.Answering(Committed)
		check("the reply to COMMIT")
		l.Reset(seq + 1)
		refs, owed = nil, nil
		check("the end of it")
	}
	if m.held() == 0 {
		t.Error("nothing was ever journaled")
	}
}

func TestFullJournal(t *testing.T) {
	m := newMemory(128)
	m.room = 128
	l := New(m, nil)
	appended(t, l, 1, "fits")
	if _, ref, err := l.Append(2, make([]byte, 100)); !errors.Is(err, ErrFull) || ref.Journaled() {
		t.Errorf("a line without room: %v, %v", ref, err)
	}
	var none Ref
	none.Confirm()
	none.Route(1)
	none.Wait()
	none.Settle()
	l.Take(none)
	if records, next := recovered(t, m.snapshot(), Successor{}); len(records) != 1 || next.Next() != 3 {
		t.Errorf("%q came back, and the next number is %d, want 3: 2 may be on its way", texts(records), next.Next())
	}
	appended(t, l, 3, "fits, too")
}

// A line for which there was no room changes nothing that the journal knows about the lines before it.
func TestLineWithoutRoom(t *testing.T) {
	m := newMemory(128)
	m.room = 128
	l := New(m, nil)
	l.Opened(1)
	first := appended(t, l, 1, "first")
	l.Answering(Deferred)
	if _, _, err := l.Append(2, make([]byte, 100)); err == nil {
		t.Fatal("there was room")
	}
	by := Successor{Same: true, Started: int64(time.Hour)}
	if records, _ := recovered(t, m.snapshot(), by); !slices.Equal(fatesOf(records), []string{"first?"}) {
		t.Errorf("before the reply to the line without room: %v", fatesOf(records))
	}
	l.Answering(Deferred)
	l.Answering(NoReply) // which could not be written: that says nothing about the first line
	if records, _ := recovered(t, m.snapshot(), by); !slices.Equal(fatesOf(records), []string{"first?"}) {
		t.Errorf("after the reply to the line without room that could not be written: %v", fatesOf(records))
	}
	l.Take(Ref{}) // it comes again
	l.Answering(Deferred)
	l.Closing(0)
	if records, _ := recovered(t, m.snapshot(), by); !slices.Equal(fatesOf(records), []string{"first!"}) {
		t.Errorf("at COMMIT: %v", fatesOf(records))
	}
	first.Confirm()
	l.Answering(Committed)
	if records, _ := recovered(t, m.snapshot(), by); len(records) > 0 {
		t.Errorf("after the OK: %v", fatesOf(records))
	}
}

// What was in the journal before it was emptied does not come back, wherever the new records end.
func TestRecordsOfAnEarlierUseDoNotComeBack(t *testing.T) {
	for lines := range 10 {
		m := newMemory(256) // four records of 64 bytes
		l := New(m, nil)
		for i := range 8 {
			appended(t, l, uint64(i+1), fmt.Sprintf("%32d", i)).Confirm()
		}
		l.Reset(9)
		for i := range lines {
			appended(t, l, uint64(i+9), fmt.Sprintf("%32d", i))
		}
		l.Closing(0)
		if records, _ := recovered(t, m.snapshot(), Successor{Same: true}); len(records) != lines {
			t.Errorf("%d came back of %d", len(records), lines)
		}
	}
}

func TestBusyAndEmpty(t *testing.T) {
	busy := 0
	m := newMemory(1024)
	var l *Log
	l = New(m, func() {
		if busy++; l.Empty() {
			t.Error("empty although a record is about to enter: a beat that looks now would stop")
		}
	})
	for round := range 3 {
		if !l.Empty() || busy != round {
			t.Errorf("round %d: empty %v, busy %d", round, l.Empty(), busy)
		}
		appended(t, l, 1, "a")
		appended(t, l, 2, "b")
		if l.Empty() || busy != round+1 {
			t.Errorf("round %d: empty %v, busy %d", round, l.Empty(), busy)
		}
		l.Reset(3)
	}
	appended(t, l, 3, "c")
	if _, next := recovered(t, m.snapshot(), Successor{}); next.Empty() {
		t.Error("empty with a line that is owed")
	}
}

func TestNothingIsAllocatedPerLine(t *testing.T) {
	l := New(newMemory(1<<20), nil)
	line := make([]byte, 250)
	seq := uint64(0)
	got := testing.AllocsPerRun(100, func() {
		l.Opened(1)
		for range 100 {
			seq++
			_, ref, err := l.Append(seq, line)
			if err != nil {
				t.Fatal(err)
			}
			ref.Route(1)
			ref.Confirm()
			ref.Settle()
		}
		l.Closing(0)
		l.Reset(seq + 1)
	})
	if got != 0 {
		t.Errorf("%v allocations for a transaction of 100 lines", got)
	}
}

func TestHeader(t *testing.T) {
	page := newMemory(0).header
	if id, owner, err := ReadHeader(page); id != someID || owner != someOwner || err != nil {
		t.Errorf("ReadHeader: %v, %+v, %v", id, owner, err)
	}
	SetBeat(page, -5)
	SetOwner(page, Owner{})
	if _, owner, err := ReadHeader(page); owner != (Owner{}) || err != nil || Beat(page) != -5 {
		t.Errorf("a new owner: %+v, %v, beat %d", owner, err, Beat(page))
	}
	for _, c := range []struct {
		name string
		at   int
		want error
	}{
		{"magic", 3, ErrForeign}, {"version", 8, ErrVersion}, {"sum", 13, ErrForeign}, {"sender id", 30, ErrForeign},
	} {
		damaged := slices.Clone(page)
		damaged[c.at] ^= 4
		if _, _, err := ReadHeader(damaged); !errors.Is(err, c.want) {
			t.Errorf("damaged %s: %v, want %v", c.name, err, c.want)
		}
	}
	for _, short := range [][]byte{nil, page[:8], page[:HeaderSize-1]} {
		if _, _, err := ReadHeader(short); !errors.Is(err, ErrForeign) {
			t.Errorf("a header of %d bytes: %v", len(short), err)
		}
	}
}

// Whichever byte of a record is damaged: the record and everything after it do not count, everything before it does.
func TestDamage(t *testing.T) {
	m := newMemory(512)
	lines := []string{"the first line", "the second, longer line", "the third"}
	written(t, m, lines...)
	whole := m.snapshot()
	at := 0
	for n, line := range lines {
		for i := range headSize + len(line) {
			if i >= 12 && i < sumFrom {
				continue // route and state change and are not covered
			}
			s := whole.snapshot()
			s.extents[0][at+i] ^= 1
			l := New(s, nil)
			records, err := l.Recover(Successor{})
			if got := texts(records); !slices.Equal(got, lines[:n]) {
				t.Errorf("byte %d of record %d: %q, %v", i, n, got, err)
			}
			// A damaged kind may read as the end, or as a short filler.
			if err == nil && i >= 4 || err != nil && !errors.Is(err, ErrDamaged) {
				t.Errorf("byte %d of record %d: error %v", i, n, err)
			}
			appended(t, l, l.Next(), "after the damage")
			if again, _ := recovered(t, s.snapshot(), Successor{}); len(again) != n+1 {
				t.Errorf("byte %d of record %d: then %q", i, n, texts(again))
			}
		}
		at += recordSize(len(line))
	}
}

// Anything may be on a disk. Recover neither fails nor reads beyond it, and the next line is journaled.
func FuzzRecover(f *testing.F) {
	m := newMemory(256)
	_, refs := written(f, m, "one", "two, which is a bit longer", "")
	refs[1].Wait()
	f.Add(m.header, slices.Concat(m.extents...), true, true, int64(0))
	f.Add(newMemory(0).header, []byte{}, false, false, int64(1<<40))
	for _, length := range []uint32{0, 1, 8, 1<<31 - 1, 1 << 31, math.MaxUint32 - 31, math.MaxUint32} { // an int may have 32 bits
		for _, kind := range []uint32{kindLine, kindFiller, math.MaxUint32} {
			record := binary.NativeEndian.AppendUint32(binary.NativeEndian.AppendUint32(nil, kind), length)
			f.Add(m.header, append(record, make([]byte, 56)...), true, false, int64(math.MinInt64))
		}
	}
	f.Add(m.header, []byte{kindFiller, 0, 0, 0, 8, 0, 0, 0, kindLine, 0, 0, 0, 255, 255, 255, 255}, true, false, int64(-1))
	f.Fuzz(func(t *testing.T, header, content []byte, same, sharing bool, started int64) {
		page := aligned(HeaderSize)
		copy(page, header)
		if _, _, err := ReadHeader(page); err != nil {
			return // package spool leaves such a file as it is
		}
		m := &memory{header: page, size: 128}
		if rounded := len(content) &^ 7; rounded > 0 {
			m.extents = [][]byte{aligned(rounded)}
			copy(m.extents[0], content)
		}
		l := New(m, nil)
		records, err := l.Recover(Successor{Same: same, Shared: sharing, Started: started})
		if err != nil && !errors.Is(err, ErrDamaged) {
			t.Fatal(err)
		}
		want := texts(records)
		for _, r := range records {
			if r.Fate == Orphan && r.Confirmed {
				t.Errorf("%+v is neither owed nor sent again", r)
			}
		}
		const line = "the next"
		appended(t, l, l.Next(), line)
		var got []string
		for _, r := range must(New(m.snapshot(), nil).Recover(Successor{Same: true})) {
			got = append(got, string(r.Line))
		}
		// Of what was found, lines that are confirmed and not sent again may be gone.
		if len(got) == 0 || got[len(got)-1] != line || len(got) > len(want)+1 {
			t.Errorf("after a recovery of %q and a new line: %q", want, got)
		}
	})
}

func must(records []Record, err error) []Record {
	if err != nil {
		panic(err)
	}
	return records
}
