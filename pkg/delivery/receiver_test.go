package delivery

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

// fakeConn records what its sender is answered.
type fakeConn struct {
	answers []string
	deaf    bool
}

func (c *fakeConn) Send(frames ...[]byte) bool {
	if c.deaf {
		return false
	}
	a, err := ParseAnswer(frames)
	if err != nil {
		panic(err)
	}
	text := fmt.Sprint(a.Seq)
	if a.Refused {
		text += " refused " + a.Reason
	}
	c.answers = append(c.answers, text)
	return true
}

var testID = SenderID{version, 42}

func add(t *testing.T, r *Receiver, c Conn, seqs ...uint64) {
	t.Helper()
	for _, seq := range seqs {
		frames := [][]byte{binary.BigEndian.AppendUint64(nil, seq), []byte("topic"), []byte("text")}
		if err := r.Add(c, testID, frames, message.Message{Peer: "peer"}); err != nil {
			t.Fatal(err)
		}
	}
}

func expectBatch(t *testing.T, r *Receiver, want ...uint64) {
	t.Helper()
	var got []uint64
	for _, m := range r.Batch() {
		got = append(got, m.Seq)
	}
	if !slices.Equal(got, want) {
		t.Errorf("to be stored: %d, want %d", got, want)
	}
}

func expectAnswers(t *testing.T, c *fakeConn, want ...string) {
	t.Helper()
	if !slices.Equal(c.answers, want) {
		t.Errorf("answers %q, want %q", c.answers, want)
	}
}

func settleAll(r *Receiver) {
	for i := range r.Batch() {
		r.Settle(i, nil)
	}
}

func TestOneAcknowledgementForARun(t *testing.T) {
	var r Receiver
	c := &fakeConn{}
	add(t, &r, c, 1, 2, 3)
	expectBatch(t, &r, 1, 2, 3)
	settleAll(&r)
	r.Answer()
	expectAnswers(t, c, "3")
}

func TestOneAcknowledgementForAConnection(t *testing.T) {
	var r Receiver
	a, b := &fakeConn{}, &fakeConn{}
	for n := range uint64(10) {
		add(t, &r, a, 2*n+1)
		add(t, &r, b, 2*n+2)
	}
	settleAll(&r)
	r.Answer()
	expectAnswers(t, a, "19")
	expectAnswers(t, b, "20")
}

func TestRepeatIsAcknowledgedAndNotStored(t *testing.T) {
	var r Receiver
	a, b := &fakeConn{}, &fakeConn{}
	add(t, &r, a, 1, 2)
	settleAll(&r)
	r.Answer()
	add(t, &r, b, 1, 2, 3)
	expectBatch(t, &r, 3)
	settleAll(&r)
	r.Answer()
	expectAnswers(t, b, "3")
	if r.Duplicates != 2 {
		t.Errorf("%d duplicates", r.Duplicates)
	}
	add(t, &r, b, 2)
	expectBatch(t, &r)
	r.Answer()
	expectAnswers(t, b, "3", "2")
}

func TestRepeatWithinARoundSharesTheFate(t *testing.T) {
	var r Receiver
	a, b := &fakeConn{}, &fakeConn{}
	add(t, &r, a, 1, 2)
	add(t, &r, b, 1, 2)
	expectBatch(t, &r, 1, 2)
	r.Settle(0, errors.New("no"))
	r.Settle(1, nil)
	r.Answer()
	expectAnswers(t, a, "1 refused no", "2")
	expectAnswers(t, b, "1 refused no", "2")
	add(t, &r, b, 1)
	expectBatch(t, &r, 1) // it was refused, so it is no repeat
}

func TestNothingIsAnsweredBehindTheUnsettled(t *testing.T) {
	var r Receiver
	a, b := &fakeConn{}, &fakeConn{}
	add(t, &r, a, 1, 2)
	add(t, &r, b, 3)
	add(t, &r, a, 4)
	r.Settle(0, nil)
	r.Settle(2, nil)
	r.Settle(3, nil)
	r.Answer()
	expectAnswers(t, a, "1") // not 4, which would speak for 2
	expectAnswers(t, b, "3")
	add(t, &r, b, 2, 4)
	expectBatch(t, &r, 2)
}

func TestRefusalBetweenStored(t *testing.T) {
	var r Receiver
	c := &fakeConn{}
	add(t, &r, c, 1, 2, 3, 4)
	r.Settle(0, nil)
	r.Settle(1, errors.New("bad\nline"))
	r.Settle(2, nil)
	r.Settle(3, nil)
	r.Answer()
	expectAnswers(t, c, "1", "2 refused bad line", "4")
}

func TestWhatIsNoMessage(t *testing.T) {
	var r Receiver
	c := &fakeConn{}
	for _, frame := range []string{"", "1234567", "123456789", "\x00\x00\x00\x00\x00\x00\x00\x00"} {
		if err := r.Add(c, testID, [][]byte{[]byte(frame), []byte("x")}, message.Message{}); err == nil {
			t.Errorf("number %q was accepted", frame)
		}
	}
	if err := r.Add(c, testID, [][]byte{binary.BigEndian.AppendUint64(nil, 7)}, message.Message{}); err != nil {
		t.Error(err)
	}
	r.Answer()
	expectAnswers(t, c, "7 refused "+errNoPayload.Error())
}

func TestDeafSenders(t *testing.T) {
	var r Receiver
	c := &fakeConn{deaf: true}
	add(t, &r, c, 1)
	settleAll(&r)
	if deaf := r.Answer(); len(deaf) != 1 || deaf[0] != Conn(c) {
		t.Errorf("deaf: %v", deaf)
	}
}

func TestSendersAreTold(t *testing.T) {
	var m Memory
	m.Sender(SenderID{version, 1}).Mark(5)
	if m.Sender(SenderID{version, 2}).Has(5) {
		t.Error("two senders share a memory")
	}
	for i := range maxSenders {
		m.Sender(SenderID{version, 3, byte(i), byte(i >> 8)})
	}
	if len(m.senders) != maxSenders || m.Sender(SenderID{version, 1}).Has(5) {
		t.Errorf("%d senders are remembered", len(m.senders))
	}
}

func TestWindowEdges(t *testing.T) {
	var w Window
	w.Mark(1)
	w.Mark(windowSize)
	if !w.Has(1) {
		t.Error("1 is forgotten too early")
	}
	w.Mark(windowSize + 1)
	if w.Has(1) || !w.Has(windowSize) || w.Mark(1) || w.Has(1) {
		t.Error("1 is remembered where its bit is another's")
	}
	w.Mark(1 << 62)
	if w.Has(windowSize) || !w.Has(1<<62) {
		t.Error("a leap")
	}
}

// The window against a plain set, for any order of marks.
func FuzzWindow(f *testing.F) {
	f.Fuzz(func(t *testing.T, steps []byte) {
		var w Window
		marked, high := map[uint64]bool{}, uint64(0)
		seq := uint64(1)
		for len(steps) >= 3 {
			seq += uint64(int64(int16(binary.BigEndian.Uint16(steps)))) * uint64(steps[2]%9+1)
			if seq == 0 || seq > 1<<40 {
				seq = 1
			}
			if high = max(high, seq); high-seq < windowSize {
				marked[seq] = true
			}
			w.Mark(seq)
			steps = steps[3:]
		}
		for n := max(high, windowSize) - windowSize; n <= high+1; n++ {
			if want := marked[n] && high-n < windowSize; w.Has(n) != want {
				t.Fatalf("%d: %v, want %v (highest %d)", n, w.Has(n), want, high)
			}
		}
	})
}
