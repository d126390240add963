package delivery

import (
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

// fakeConn records the answers to its sender.
type fakeConn struct {
	answers []string
	deaf    bool
	refused int // answers that a deaf sender did not take
}

func (c *fakeConn) Send(frames ...[]byte) bool {
	if c.deaf {
		c.refused++
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
		if err := r.Add(c, r.Source(testID, nil, false), frames, message.Message{Peer: "peer"}); err != nil {
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
		t.Errorf("batch %d, want %d", got, want)
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
	expectBatch(t, &r, 1) // it was refused and therefore is no repeat
}

func TestNothingIsAnsweredAfterTheUnsettled(t *testing.T) {
	var r Receiver
	a, b := &fakeConn{}, &fakeConn{}
	add(t, &r, a, 1, 2)
	add(t, &r, b, 3)
	add(t, &r, a, 4)
	r.Settle(0, nil)
	r.Settle(2, nil)
	r.Settle(3, nil)
	r.Answer()
	expectAnswers(t, a, "1") // not 4, which would acknowledge 2 as well
	expectAnswers(t, b, "3")
	add(t, &r, b, 2, 4)
	expectBatch(t, &r, 2)
}

// The work for a message does not grow with the round: it would take many minutes.
func TestLargeRound(t *testing.T) {
	const size = 1 << 20
	over := make(chan struct{})
	go func() {
		defer close(over)
		var r Receiver
		c := &fakeConn{}
		add(t, &r, c, 1)
		settleAll(&r)
		r.Answer()
		repeat := [][]byte{binary.BigEndian.AppendUint64(nil, 1), []byte("text")}
		conns := make([]fakeConn, size/4)
		for i := range size { // connections in turn repeat what is stored
			if err := r.Add(&conns[i%len(conns)], r.Source(testID, nil, false), repeat, message.Message{}); err != nil {
				t.Error(err)
			}
		}
		expectBatch(t, &r)
		r.Answer()
		expectAnswers(t, &conns[7], "1")
	}()
	select {
	case <-over:
	case <-time.After(5 * time.Minute):
		t.Fatal("a round is quadratic")
	}
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
	if r.Refused != 1 {
		t.Errorf("%d counted as refused, want 1", r.Refused)
	}
}

// What is to be stored carries what the connection and the wire say of it.
func TestMessageOfABatch(t *testing.T) {
	var r Receiver
	base := message.Message{Peer: "127.0.0.1:5", User: "app", Received: time.Unix(7, 0)}
	frames := [][]byte{binary.BigEndian.AppendUint64(nil, 9), []byte("topic"), []byte("text")}
	if err := r.Add(&fakeConn{}, r.Source(testID, nil, false), frames, base); err != nil {
		t.Fatal(err)
	}
	want := message.Message{
		Topic: frames[1], HasTopic: true, Payload: frames[2], Peer: base.Peer, User: base.User,
		Sender: fmt.Sprintf("%x", testID), Seq: 9, Received: base.Received,
	}
	if got := r.Batch(); len(got) != 1 || !reflect.DeepEqual(got[0], want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	r.Answer()
	if held := r.spare[0].batch[:1][0]; held.Payload != nil {
		t.Error("the message is still referenced after Answer")
	}
	if r.spare[0].arrivals[:1][0].from != nil {
		t.Error("the connection is still referenced after Answer")
	}
}

// A message that is still to be stored is not acknowledged to another connection either, whatever arrived under its
// number in between.
func TestMalformedRepeatAcknowledgesNothing(t *testing.T) {
	var r Receiver
	a, b, c := &fakeConn{}, &fakeConn{}, &fakeConn{}
	add(t, &r, a, 7)
	if err := r.Add(b, r.Source(testID, nil, false), [][]byte{binary.BigEndian.AppendUint64(nil, 7)}, message.Message{}); err != nil {
		t.Fatal(err)
	}
	add(t, &r, c, 7)
	r.Answer() // nothing was stored
	expectAnswers(t, a)
	expectAnswers(t, b, "7 refused "+errNoPayload.Error())
	expectAnswers(t, c)
}

// A repeat shares the fate of its own sender's message, not that of another sender's with the same number.
func TestRepeatSharesTheFateOfItsSender(t *testing.T) {
	var r Receiver
	a, again := &fakeConn{}, &fakeConn{}
	add(t, &r, a, 1)
	other := [][]byte{binary.BigEndian.AppendUint64(nil, 1), []byte("text")}
	if err := r.Add(&fakeConn{}, r.Source(SenderID{version, 43}, nil, false), other, message.Message{}); err != nil {
		t.Fatal(err)
	}
	add(t, &r, again, 1)
	r.Settle(0, errors.New("no"))
	r.Settle(1, nil)
	r.Answer()
	expectAnswers(t, again, "1 refused no")
}

func TestMalformedMessages(t *testing.T) {
	var r Receiver
	c := &fakeConn{}
	for _, frame := range []string{"", "1234567", "123456789", "\x00\x00\x00\x00\x00\x00\x00\x00"} {
		if err := r.Add(c, r.Source(testID, nil, false), [][]byte{[]byte(frame), []byte("x")}, message.Message{}); err == nil {
			t.Errorf("number %q was accepted", frame)
		}
	}
	if err := r.Add(c, r.Source(testID, nil, false), [][]byte{binary.BigEndian.AppendUint64(nil, 7)}, message.Message{}); err != nil {
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
	if deaf, _ := r.Answer(); len(deaf) != 1 || deaf[0] != Conn(c) {
		t.Errorf("deaf: %v", deaf)
	}
}

// After an answer that is not taken, the connection is reported once and gets no further answers.
func TestDeafToARefusal(t *testing.T) {
	var r Receiver
	c := &fakeConn{deaf: true}
	add(t, &r, c, 1, 2, 3)
	r.Settle(0, errors.New("no"))
	r.Settle(1, errors.New("no"))
	r.Settle(2, nil)
	if deaf, _ := r.Answer(); len(deaf) != 1 || deaf[0] != Conn(c) {
		t.Errorf("deaf: %v", deaf)
	}
	if c.refused != 1 {
		t.Errorf("%d answers were tried, want 1", c.refused)
	}
}
