package delivery

import (
	"slices"
	"testing"
)

// expectLeft answers the oldest round, of which these connections are to be ended.
func expectLeft(t *testing.T, r *Receiver, want ...Conn) {
	t.Helper()
	if _, left := r.Answer(); !slices.Equal(left, want) {
		t.Errorf("left: %v, want %v", left, want)
	}
}

// leave settles the messages of the oldest round, except for one that is left.
func leave(r *Receiver, seq uint64) {
	for i, m := range r.Batch() {
		if m.Seq == seq {
			r.Leave(i)
		} else {
			r.Settle(i, nil)
		}
	}
}

// An acknowledgement speaks of every earlier message of its connection: none goes out after one that was left.
func TestNothingIsAnsweredAfterWhatIsLeft(t *testing.T) {
	var r Receiver
	a, b := &fakeConn{}, &fakeConn{}
	add(t, &r, a, 1, 2, 3)
	add(t, &r, b, 10)
	r.Close()
	add(t, &r, a, 4, 5)
	add(t, &r, b, 11)
	r.Close()
	add(t, &r, a, 6)
	leave(&r, 2)
	expectLeft(t, &r, a)
	settleAll(&r)
	expectLeft(t, &r)
	settleAll(&r)
	expectLeft(t, &r)
	expectAnswers(t, a, "1")
	expectAnswers(t, b, "10", "11")
	c := &fakeConn{} // the sender has come again
	add(t, &r, c, 2, 3, 4)
	expectBatch(t, &r, 2)
	settleAll(&r)
	expectLeft(t, &r)
	expectAnswers(t, c, "4")
}

// A connection that repeats what is left ends, too: an acknowledgement in a later round would speak of the repeat.
func TestARepeatOfWhatIsLeft(t *testing.T) {
	for name, rounds := range map[string]int{"in its round": 0, "in the next round": 1, "in the one after that": 2} {
		var r Receiver
		a, b := &fakeConn{}, &fakeConn{}
		add(t, &r, a, 1)
		for range rounds {
			r.Close()
		}
		add(t, &r, b, 1)
		r.Close()
		leave(&r, 1)
		if rounds == 0 {
			expectLeft(t, &r, a, b)
			continue
		}
		expectLeft(t, &r, a)
		add(t, &r, b, 2) // before the round of the repeat is answered
		for i := range rounds {
			settleAll(&r)
			if i < rounds-1 {
				expectLeft(t, &r)
			} else {
				expectLeft(t, &r, b)
			}
		}
		settleAll(&r)
		r.Answer()
		if len(a.answers)+len(b.answers) > 0 {
			t.Errorf("%s: answers %q and %q", name, a.answers, b.answers)
		}
	}
}
