package kafka

import (
	"encoding/binary"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

const week = 7 * 24 * time.Hour

// reads lets the memory read a sender's record.
func (m *memory) reads(t *testing.T, id string, h holding) {
	t.Helper()
	if err := m.read([]byte(id), h.append(nil), time.Now()); err != nil {
		t.Fatal(err)
	}
}

func (m *memory) reached(t *testing.T, id, owner string, claim message.Claim, want ...span) {
	t.Helper()
	h := m.sender(id)
	if h == nil || h.owner != owner || h.claim != claim || len(h.numbers) != len(want) {
		t.Fatalf("%+v, want %q, %+v, %v", h, owner, claim, want)
	}
	for i, s := range want {
		if h.numbers[i] != s {
			t.Errorf("numbers %v, want %v", h.numbers, want)
		}
	}
}

// Records of this process are read after their transaction was committed, and later ones perhaps, too.
func TestOwnRecordsAreReadLate(t *testing.T) {
	old, new := message.Claim{Instance: "old"}, message.Claim{Instance: "new"}
	m := newMemory("a", week)
	m.reads(t, "s", holding{owner: "a", claim: old, numbers: numbers{{1, 1}}})
	h := m.sender("s").clone()
	h.claim, h.numbers = new, numbers{{1, 3}}
	m.stored("s", h)
	m.reads(t, "s", holding{owner: "a", claim: old, numbers: numbers{{1, 2}}})
	m.reached(t, "s", "a", new, span{1, 3})
	m.reads(t, "s", holding{owner: "b", claim: old, numbers: numbers{{1, 3}, {5, 5}}})
	m.reached(t, "s", "b", old, span{1, 3}, span{5, 5})
	m.reads(t, "s", holding{claim: new, numbers: numbers{{1, 5}}})
	m.reached(t, "s", "", new, span{1, 5})
}

// The answer to a commit can come after another process has taken the sender over, and has stored more.
func TestTheAnswerToACommitIsLate(t *testing.T) {
	mine, others := message.Claim{Instance: "mine"}, message.Claim{Instance: "another's"}
	m := newMemory("a", week)
	m.reads(t, "s", holding{owner: "a", numbers: numbers{{1, 10}}})
	h := m.sender("s").clone()
	h.claim = mine
	h.numbers.add(span{11, 11})
	m.reads(t, "s", holding{owner: "b", claim: others, numbers: numbers{{1, 13}}})
	m.stored("s", h)
	m.reached(t, "s", "b", others, span{1, 13})
}

// Who cannot read what is stored of a sender's messages stores none of them.
func TestMalformedRecords(t *testing.T) {
	m := newMemory("a", week)
	good := holding{owner: "a", claim: message.Claim{Key: "k", Name: "n", Instance: "i"}, numbers: numbers{{1, 3}, {7, 9}}}
	text := good.append(nil)
	wrong := func(name string, text []byte) {
		t.Helper()
		m.reads(t, "s", good)
		if m.elsewhere("s") {
			t.Fatal("a good record is not taken")
		}
		if m.read([]byte("s"), text, time.Now()) == nil || !m.elsewhere("s") || !m.sender("s").numbers.has(9) {
			t.Errorf("%s is taken", name)
		}
	}
	for i := range text[1:] {
		wrong(fmt.Sprint(i+1, " bytes"), text[:i+1])
	}
	for name, text := range map[string][]byte{
		"more":     append(text, 0),
		"newer":    {2, 0},
		"long":     binary.AppendUvarint([]byte{1}, maxText+1),
		"overflow": append([]byte{1}, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1),
		"spans":    append([]byte{1, 0, 0, 0, 0}, binary.AppendUvarint(nil, maxSpans+1)...),
		"touching": {1, 0, 0, 0, 0, 2, 1, 0, 1, 0},
	} {
		wrong(name, text)
	}
	if m.read([]byte("s"), nil, time.Now()) != nil || m.sender("s") != nil {
		t.Error("a sender is remembered that was deleted")
	}
}

// Anybody may be a sender: what is remembered of all is bounded, also if the times of many are the same.
func TestManySenders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory("a", week)
		m.mostSenders, m.mostSpans = 1000, 10_000
		next := 0
		reads := func(senders int, n numbers) {
			time.Sleep(time.Millisecond)
			for range senders {
				next++
				m.reads(t, sender(next), holding{owner: "b", numbers: n})
			}
		}
		reads(1000, numbers{{1, 1}})
		reads(200, numbers{{1, 1}})
		if n := len(m.senders); n > 1000 || n < 900 || m.spans != n || m.sender(sender(1200)) == nil {
			t.Errorf("%d senders with %d spans are remembered", n, m.spans)
		}
		var many numbers
		for i := range uint64(1000) {
			many.add(span{2 * i, 2 * i})
		}
		reads(15, many)
		if n := len(m.senders); n > 10 || n < 5 || m.spans > 10_000 || m.sender(sender(1215)) == nil {
			t.Errorf("%d senders with %d spans are remembered", n, m.spans)
		}
		time.Sleep(week + time.Second)
		reads(1, numbers{{1, 1}})
		if n := len(m.senders); n != 1 || m.spans != 1 {
			t.Errorf("%d senders with %d spans are remembered after a week", n, m.spans)
		}
	})
}

// A process that is alive says so; whoever does not for some seconds is taken for dead, whatever the clocks say.
func TestWhoIsAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory("a", week)
		beat := func(instance, value string, ahead time.Duration) {
			if err := m.read([]byte(alivePrefix+instance), []byte(value), time.Now().Add(ahead)); err != nil {
				t.Fatal(err)
			}
		}
		is := func(owner string, elsewhere bool) {
			t.Helper()
			m.reads(t, "s", holding{owner: owner})
			if m.elsewhere("s") != elsewhere {
				t.Errorf("%q: elsewhere is %v", owner, !elsewhere)
			}
		}
		is("b", false)                    // nobody has been heard
		beat("dead", "alive", -time.Hour) // the past is read
		beat("ahead", "alive", time.Hour) // its clock is wrong
		beat("b", "alive", 0)
		is("dead", false)
		is("ahead", true)
		is("b", true)
		is("a", false)
		is("", false)
		if err := m.read([]byte(markPrefix+"a"), []byte("nonce"), time.Now()); err != nil {
			t.Fatal(err)
		}
		beat("b", "alive", -time.Hour) // in the present, its clock is not asked
		is("b", true)
		time.Sleep(time.Minute) // this process reads nothing: nobody is taken for dead
		is("b", true)
		beat("a", "alive", 0)
		is("b", false)
		is("ahead", false)
		beat("b", "alive", 0)
		is("b", true)
		beat("b", "", 0)
		is("b", false)
	})
}

// After a time in which nobody could be heard, the others are not dead because one is heard first.
func TestWhoIsAliveAfterASilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory("me", time.Hour)
		read := func(key, value string) {
			t.Helper()
			if err := m.read([]byte(key), []byte(value), time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		read(markPrefix+"me", "n")
		m.set("s", &holding{owner: "other", seen: time.Now()})
		read(alivePrefix+"other", "alive")
		read(alivePrefix+"me", "alive")
		for _, wait := range []time.Duration{10 * time.Second, time.Second, time.Second} {
			time.Sleep(wait)
			read(alivePrefix+"me", "alive")
			if !m.elsewhere("s") {
				t.Fatal("the other is taken for dead")
			}
		}
		time.Sleep(time.Second)
		read(alivePrefix+"me", "alive")
		if m.elsewhere("s") {
			t.Error("the other is silent, and taken for alive")
		}
	})
}
