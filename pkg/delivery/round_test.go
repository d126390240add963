package delivery

import (
	"errors"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

// A repeat of what is being stored is stored once. It is answered after it, with the same answer.
func TestRepeatInTheNextRound(t *testing.T) {
	refusal := errors.New("no")
	for name, c := range map[string]struct {
		settle      func(r *Receiver)
		want, again []string
	}{
		"stored":  {settleAll, []string{"2"}, []string{"3"}},
		"refused": {func(r *Receiver) { r.Settle(0, nil); r.Settle(1, refusal) }, []string{"1", "2 refused no"}, []string{"1", "2 refused no", "3"}},
		"neither": {func(r *Receiver) { r.Settle(0, nil) }, []string{"1"}, []string{"1"}},
	} {
		var r Receiver
		a, b := &fakeConn{}, &fakeConn{}
		add(t, &r, a, 1, 2)
		first := r.Close()
		add(t, &r, b, 1, 2, 3)
		c.settle(&r)
		if len(first) != 2 || len(b.answers) > 0 {
			t.Fatalf("%s: %d messages, answers %q", name, len(first), b.answers)
		}
		r.Answer()
		expectAnswers(t, a, c.want...)
		expectBatch(t, &r, 3)
		settleAll(&r)
		r.Answer()
		expectAnswers(t, b, c.again...)
		add(t, &r, b, 2) // what was not stored is a new message now
		if stored := len(r.Batch()) == 0; stored != (name == "stored") {
			t.Errorf("%s: it counts as stored: %v", name, stored)
		}
	}
}

// What becomes of a closed round may change who holds a sender id: a batch of that id waits for it.
func TestPending(t *testing.T) {
	var r Receiver
	one, other := process("one", 1), process("other", 1)
	take := func(claim message.Claim, seq uint64) {
		source := r.Source(testID, &claim, false)
		if err := r.Add(&fakeConn{}, source, [][]byte{{0, 0, 0, 0, 0, 0, 0, byte(seq)}, nil, nil}, message.Message{}); err != nil {
			t.Fatal(err)
		}
	}
	pending := func(when string, claim message.Claim, want bool) {
		t.Helper()
		if r.Pending(testID, &claim) != want {
			t.Errorf("%s: pending: %v", when, !want)
		}
	}
	pending("nothing is closed", one, false)
	take(one, 1)
	pending("it holds the id in the open round", one, false)
	r.Close()
	pending("nothing of it is stored yet", one, true)
	settleAll(&r)
	r.Answer()
	take(one, 2)
	r.Close()
	pending("it holds the id", one, false)
	pending("it would take the id from the other", other, true)
	take(one, 3)
	settleAll(&r)
	r.Answer()
	r.Close()
	settleAll(&r)
	r.Answer()
	pending("all is answered", other, false)
}

// Rounds that overlap use the memory of those before them.
func TestRoundsAllocateNothingPerMessage(t *testing.T) {
	var r Receiver
	c := &countingConn{}
	source := r.Source(testID, nil, false)
	frames := [][]byte{make([]byte, SeqSize), []byte("topic"), []byte("text")}
	const messages = 1000
	seq := uint64(0)
	fill := func() {
		for range messages {
			seq++
			for i := range SeqSize {
				frames[0][i] = byte(seq >> (8 * (SeqSize - 1 - i)))
			}
			if err := r.Add(c, source, frames, message.Message{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	fill()
	r.Close()
	if n := testing.AllocsPerRun(20, func() {
		fill()
		settleAll(&r)
		r.Close()
		r.Answer()
	}); n > messages/100 {
		t.Errorf("%v allocations for %d messages", n, messages)
	}
	if c.answers == 0 {
		t.Error("nothing was answered")
	}
}

// countingConn counts answers.
type countingConn struct{ answers int }

func (c *countingConn) Send(...[]byte) bool {
	c.answers++
	return true
}
