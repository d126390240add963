package delivery

import (
	"bytes"
	"fmt"
	"runtime"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal/journaltest"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal/spool"
)

// A batch of rsyslog's that is far larger than what a receiver is given at a time.
const (
	largeBatch = 500
	largeLine  = 64 << 10
)

func large(i int) []byte {
	return append(bytes.Repeat([]byte("x"), largeLine-8), fmt.Sprintf("%8d", i)...)
}

// Of a large batch in a journal little is in memory: while it is accepted and nothing is sent, while it is sent, while
// it is confirmed, after it has failed, and while it comes again.
func TestJournaledBatchIsNotInMemory(t *testing.T) {
	folder, err := spool.Open(t.TempDir()+"/journal", func() [journal.IDSize]byte { return NewSenderID() }, quiet)
	if err != nil {
		t.Fatal(err)
	}
	own, err := folder.Own(false, "")
	if err != nil {
		t.Fatal(err)
	}
	defer own.Remove()
	link := &fakeLink{}
	s := NewSender(SenderConfig{Journal: own.Log, Logger: quiet}, swallow{link})
	bounded := func(when string) {
		t.Helper()
		const most = 2 * journal.MaxLoaded // the kernel maps more than is asked for
		if n := journaltest.Resident(t, own.Path()); n > most {
			t.Fatalf("%s: %d KiB of the journal are in memory, of %d KiB", when, n>>10, largeBatch*largeLine>>10)
		}
	}
	accept := func(s *Sender) {
		for i := range largeBatch {
			if !s.Accept(large(i)) {
				t.Fatal("a line is not journaled")
			}
			s.Submit()
			if i%10 == 0 {
				bounded("accepting")
			}
		}
	}
	s.Opened(1)
	accept(s)
	s.Closing(0)
	s.Failed(true)
	bounded("failing")
	s.Opened(1)
	accept(s) // each is recognized
	s.Closing(0)
	s.Up(link)
	bounded("sending")
	for seq := range uint64(largeBatch) {
		s.Answer(link, Answer{Seq: seq + 1})
		if seq%10 == 0 {
			bounded("confirming")
		}
	}
	bounded("confirmed")
	if settled, err := s.Outcome(); !settled || err != nil {
		t.Fatal(settled, err)
	}
	s.Committed()
	if c := s.Counters(); c.Received != largeBatch || c.Confirmed != largeBatch || !own.Log.Empty() {
		t.Errorf("%+v, and the journal is empty: %v", c, own.Log.Empty())
	}
}

// allocated returns how many bytes do allocates.
func allocated(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// Without a journal a batch takes little more than its lines, whatever their length.
func TestBatchTakesLittleMoreThanItsLines(t *testing.T) {
	for _, size := range []int{200, 5_000, 40_000, largeLine, 70_000, 1 << 20} {
		s, _ := newTestSender(Stored)
		n := 32 << 20 / size
		line := bytes.Repeat([]byte("x"), size)
		taken := allocated(func() {
			for range n {
				s.Accept(line)
			}
		})
		const perEntry = 200
		if most := uint64(n*size/8*9 + maxChunk + n*perEntry); taken > most {
			t.Errorf("%d lines of %d bytes take %d KiB, at most %d are expected", n, size, taken>>10, most>>10)
		}
	}
}

// A failure costs no second copy of the lines. They stay as they were while they may come again, although others are
// accepted, and the account is emptied meanwhile.
func TestFailedBatchIsNotCopied(t *testing.T) {
	link := &fakeLink{}
	s := NewSender(SenderConfig{Logger: quiet}, swallow{link})
	for i := range largeBatch {
		s.Accept(large(i))
	}
	s.Submit()
	if n := allocated(func() { s.Failed(true) }); n > largeBatch*largeLine/8 {
		t.Errorf("%d KiB are allocated", n>>10)
	}
	s.Up(link)
	s.Answer(link, Answer{Seq: largeBatch})
	seq := uint64(largeBatch)
	for i := range largeBatch {
		s.Accept(large(i))
		if i%2 == 0 {
			s.Accept(large(largeBatch + i)) // a new one
			seq++
		}
		s.Submit()
		s.Answer(link, Answer{Seq: seq})
		if settled, err := s.Outcome(); !settled || err != nil {
			t.Fatal(settled, err)
		}
		s.Committed()
	}
	if c := s.Counters(); c.Received != largeBatch+largeBatch/2 || c.Confirmed != c.Received {
		t.Errorf("%+v", c)
	}
}
