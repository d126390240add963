package delivery

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

func TestSendersAreToldApart(t *testing.T) {
	var m Memory
	m.Sender(SenderID{version, 1}, "").Mark(5)
	if m.Sender(SenderID{version, 2}, "").Has(5) {
		t.Error("two senders share a memory")
	}
}

// addFrom takes one message of the nth sender, has it stored and answered, and reports whether it was a repeat.
func addFrom(t *testing.T, r *Receiver, n int, seq uint64) (repeat bool) {
	t.Helper()
	c := &fakeConn{}
	id := SenderID{version, byte(n), byte(n >> 8)}
	if err := r.Add(c, r.Source(id, nil, false), [][]byte{binary.BigEndian.AppendUint64(nil, seq), []byte("text")}, message.Message{}); err != nil {
		t.Fatal(err)
	}
	repeat = len(r.Batch()) == 0
	settleAll(r)
	r.Answer()
	expectAnswers(t, c, fmt.Sprint(seq))
	return repeat
}

// The memory has a bound: the sender that has been silent longest is forgotten, and only that one.
func TestTheLongestSilentSenderIsForgotten(t *testing.T) {
	var r Receiver
	for n := range maxSenders {
		addFrom(t, &r, n, 1)
	}
	addFrom(t, &r, maxSenders, 1)
	if got := len(r.memory.senders); got != maxSenders || r.memory.recent.Len() != maxSenders {
		t.Errorf("%d senders are remembered, %d in order; want %d", got, r.memory.recent.Len(), maxSenders)
	}
	for n := maxSenders; n > 0; n-- {
		if !addFrom(t, &r, n, 1) {
			t.Fatalf("sender %d is forgotten", n)
		}
	}
	if addFrom(t, &r, 0, 1) {
		t.Error("the sender that has been silent longest is still remembered")
	}
}

// A sender that keeps sending is never forgotten, however many others come and go.
func TestASenderThatSendsIsNotForgotten(t *testing.T) {
	var r Receiver
	const steady = 0
	addFrom(t, &r, steady, 1)
	for n := 1; n <= 3*maxSenders; n++ {
		addFrom(t, &r, n, 1)
		if n%(maxSenders/2) == 0 && !addFrom(t, &r, steady, 1) {
			t.Fatalf("after %d other senders, the steady one is forgotten", n)
		}
	}
}

// A key that brings any number of sender ids takes the places of its own, beyond a share: whose the others are is not
// forgotten, though they are silent.
func TestAKeyWithManyIDsForgetsItsOwn(t *testing.T) {
	var m Memory
	id := func(of byte, n int) SenderID { return SenderID{version, of, byte(n), byte(n >> 8)} }
	const others = maxSenders - 2*share
	for n := range others {
		m.Sender(id('a', n), fmt.Sprint("key ", n)).Mark(1)
	}
	for n := range 5 * maxSenders {
		m.Sender(id('b', n), "many")
	}
	if len(m.senders) != maxSenders || m.recent.Len() != maxSenders || m.ofKey["many"] != maxSenders-others {
		t.Errorf("%d senders, %d in order, %d of the key", len(m.senders), m.recent.Len(), m.ofKey["many"])
	}
	for n := range others {
		if !m.Sender(id('a', n), "another").Has(1) {
			t.Fatalf("sender %d is forgotten", n)
		}
	}
	for n := range 2 * maxSenders { // one of each key: the longest silent
		m.Sender(id('c', n), fmt.Sprint("one of ", n))
	}
	if len(m.ofKey) != maxSenders || m.senders[id('a', others-1)] != nil {
		t.Errorf("%d keys", len(m.ofKey))
	}
}

// A sender that is forgotten in the middle of a round is still answered.
func TestForgottenWithinARound(t *testing.T) {
	var r Receiver
	c := &fakeConn{}
	add(t, &r, c, 1, 2)
	for n := range maxSenders {
		r.memory.Sender(SenderID{version, 1, byte(n), byte(n >> 8)}, "")
	}
	r.Settle(0, nil)
	r.Settle(1, errors.New("no"))
	r.Answer()
	expectAnswers(t, c, "1", "2 refused no")
}

func TestSeenEdges(t *testing.T) {
	var w Seen
	w.Mark(1)
	w.Mark(seenSize)
	if !w.Has(1) {
		t.Error("1 is forgotten too early")
	}
	w.Mark(seenSize + 1)
	if w.Has(1) || !w.Has(seenSize) || w.Mark(1) || w.Has(1) {
		t.Error("1 is remembered, although its bit now belongs to another number")
	}
	w.Mark(1 << 62)
	if w.Has(seenSize) || !w.Has(1<<62) {
		t.Error("a leap does not forget the numbers before it")
	}
}

// Numbers that are skipped count as not stored, although their bits were those of stored numbers.
func TestSeenSkipped(t *testing.T) {
	var s Seen
	for n := range uint64(seenSize) {
		s.Mark(n + 1)
	}
	const skipped = 300
	s.Mark(seenSize + skipped)
	for n := uint64(seenSize + 1); n < seenSize+skipped; n++ {
		if s.Has(n) {
			t.Errorf("%d was never marked", n)
		}
	}
	if s.Has(skipped) || !s.Has(skipped+1) || !s.Has(seenSize) {
		t.Errorf("%d: %v, %d: %v, %d: %v", skipped, s.Has(skipped), skipped+1, s.Has(skipped+1), seenSize, s.Has(seenSize))
	}
}

// At least 65,536 numbers are remembered, as the protocol promises, wherever the highest lies in its word of 64 bits.
func TestSeenRemembersAWholeWindow(t *testing.T) {
	const promised = 65536
	for offset := range uint64(64) {
		var s Seen
		lowest := 64 + offset
		s.Mark(lowest)
		s.Mark(lowest + 1)
		s.Mark(lowest + promised/2) // past its word, over whole words
		s.Mark(lowest + promised - 1)
		if !s.Has(lowest) || !s.Has(lowest+1) {
			t.Errorf("numbers %d and %d: %v, %v", lowest, lowest+1, s.Has(lowest), s.Has(lowest+1))
		}
	}
}

// Seen against a plain set, for any order of marks.
func FuzzSeen(f *testing.F) {
	f.Fuzz(func(t *testing.T, steps []byte) {
		var w Seen
		marked, high := map[uint64]bool{}, uint64(0)
		seq := uint64(1)
		for len(steps) >= 3 {
			seq += uint64(int64(int16(binary.BigEndian.Uint16(steps)))) * uint64(steps[2]%9+1)
			if seq == 0 || seq > 1<<40 {
				seq = 1
			}
			if steps[2] >= 0xf0 { // to the extreme
				seq = math.MaxUint64 - uint64(binary.BigEndian.Uint16(steps))
			}
			if high = max(high, seq); high-seq < seenSize {
				marked[seq] = true
			}
			w.Mark(seq)
			steps = steps[3:]
		}
		for back := range min(high, seenSize) + 1 {
			if want := marked[high-back] && back < seenSize; w.Has(high-back) != want {
				t.Fatalf("%d: %v, want %v (highest %d)", high-back, !want, want, high)
			}
		}
		if w.Has(high + 1) {
			t.Fatalf("the number after the highest, %d", high)
		}
	})
}
