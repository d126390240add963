package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"sync/atomic"
	"unsafe"
)

// HeaderSize is the size of the header, in bytes: a page.
const HeaderSize = 4096

const (
	magic   = "omzmqjnl"
	version = 1

	idAt    = 16
	ownerAt = 40
)

// IDSize is the size of a sender id, in bytes.
const IDSize = 17

// word is the place of a number in the header. It changes by a single store.
type word int

const (
	ownerBoot word = ownerAt + 8*iota
	ownerProcess
	ownerStarted
	ownerThread
	ownerArguments
	nextSeq // the number of the next new line; valid while there is no record, and after Recover
	opened  // transactions begun and not committed
	closing // 1 + the line counter at the last COMMIT that was read; 0: a BEGIN came after it
	mark    // what rsyslog was told last, and about which line: see Log.Answering
	beat    // when the process last showed that it lives, nanoseconds of CLOCK_BOOTTIME
	pipes   // the Pipes, as the writer last knew them
	shared  // 1: transactions of several workers were open at once
	writerProcess
	writerStarted
	broken   // a brokenness
	disputed // 1: see Dispute
)

// Owner identifies the writer of a journal by the thread of rsyslogd that started the process. Zeros: not known.
type Owner struct {
	Boot      uint64 // this boot of the machine, and in it the namespaces in which the numbers below are unique
	Process   uint64 // id of rsyslogd
	Started   uint64 // when it was started, in the kernel's ticks since the boot
	Thread    uint64 // id of the thread: a queue's worker
	Arguments uint64 // hash of the program's arguments
}

// Errors of a header that cannot be read. The file is to be left as it is.
var (
	ErrForeign = errors.New("this is not a journal of omzmq, or its header is damaged: if no other program needs it, remove it")
	ErrVersion = errors.New("a journal of another version: start the omzmq that wrote it, or remove the file")
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// WriteHeader turns a page into the header of an empty journal. The magic is written last.
func WriteHeader(page []byte, id [IDSize]byte, owner Owner) {
	clear(page[:HeaderSize])
	binary.NativeEndian.PutUint32(page[8:], version)
	copy(page[idAt:], id[:])
	binary.NativeEndian.PutUint32(page[12:], headerSum(page))
	at(page, nextSeq).Store(1)
	SetOwner(page, owner)
	copy(page, magic)
}

func headerSum(page []byte) uint32 { return crc32.Checksum(page[idAt:ownerAt], castagnoli) }

// SetOwner changes the owner of a journal that has been taken over. If it is interrupted, the owner is unknown.
func SetOwner(page []byte, owner Owner) {
	at(page, ownerProcess).Store(0)
	at(page, ownerBoot).Store(owner.Boot)
	at(page, ownerStarted).Store(owner.Started)
	at(page, ownerThread).Store(owner.Thread)
	at(page, ownerArguments).Store(owner.Arguments)
	at(page, ownerProcess).Store(owner.Process)
}

// Writer is the process that writes a journal. Zeros: not known.
type Writer struct {
	Process uint64 // its id
	Started uint64 // when it was started, in the kernel's ticks since the boot
}

// SetWriter records which process writes a journal. If it is interrupted, the writer is unknown.
func SetWriter(page []byte, w Writer) {
	at(page, writerProcess).Store(0)
	at(page, writerStarted).Store(w.Started)
	at(page, writerProcess).Store(w.Process)
}

// WriterOf returns which process writes a journal, or wrote it last. The page may be a copy.
func WriterOf(page []byte) Writer {
	return Writer{Process: at(page, writerProcess).Load(), Started: at(page, writerStarted).Load()}
}

// ReadHeader returns whose journal this is. The errors are ErrForeign and ErrVersion.
func ReadHeader(page []byte) (id [IDSize]byte, owner Owner, err error) {
	if len(page) < HeaderSize || string(page[:len(magic)]) != magic {
		return id, owner, ErrForeign
	}
	if v := binary.NativeEndian.Uint32(page[8:]); v != version {
		return id, owner, fmt.Errorf("version %d: %w", v, ErrVersion)
	}
	if binary.NativeEndian.Uint32(page[12:]) != headerSum(page) {
		return id, owner, ErrForeign
	}
	copy(id[:], page[idAt:])
	return id, Owner{
		Boot: at(page, ownerBoot).Load(), Process: at(page, ownerProcess).Load(), Started: at(page, ownerStarted).Load(),
		Thread: at(page, ownerThread).Load(), Arguments: at(page, ownerArguments).Load(),
	}, nil
}

// SetID gives a journal another sender id. Its numbers stay.
func SetID(page []byte, id [IDSize]byte) {
	copy(page[idAt:], id[:])
	binary.NativeEndian.PutUint32(page[12:], headerSum(page))
	at(page, disputed).Store(0)
}

// Dispute records that a receiver has refused the sender id. Another sender may have had messages stored under the
// numbers in this journal: whoever takes it over needs an id of its own, or they would be taken for repeats. Any
// goroutine may call it.
func Dispute(page []byte) { at(page, disputed).Store(1) }

// Disputed reports whether Dispute was called. SetID ends it.
func Disputed(page []byte) bool { return at(page, disputed).Load() == 1 }

// Beat returns when the writer of a journal last showed that it lives, in nanoseconds of CLOCK_BOOTTIME.
func Beat(page []byte) int64 { return int64(at(page, beat).Load()) }

// SetBeat shows that the writer of a journal lives. Any goroutine may call it.
func SetBeat(page []byte, now int64) { at(page, beat).Store(uint64(now)) }

// at returns a word of the header. Its address is a multiple of 8, as the page's is.
func at(page []byte, w word) *atomic.Uint64 {
	return (*atomic.Uint64)(unsafe.Pointer(&page[w]))
}
