package delivery

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

var (
	web     = message.Claim{Key: "old key", Name: "web"}
	rotated = message.Claim{Key: "new key", Name: "web"}
	thief   = message.Claim{Key: "thief's key", Name: "thief"}
	keyOnly = message.Claim{Key: "old key"}
	clear_  = message.Claim{}
)

// process is a claim in clear of a process whose first number is first.
func process(instance string, first uint64) message.Claim {
	return message.Claim{Instance: instance, First: first}
}

// arrive takes one message, lets the destination store it or not, and returns the answer: "" if it was stored now, or
// earlier, else the kind of refusal.
func arrive(t *testing.T, r *Receiver, claim message.Claim, seq uint64, stores bool) (refusal message.ClaimErrorKind, repeat bool) {
	t.Helper()
	c := &fakeConn{}
	frames := [][]byte{binary.BigEndian.AppendUint64(nil, seq), nil, []byte("text")}
	source := r.Source(testID, &claim, false)
	if err := r.Add(c, source, frames, message.Message{}); err != nil {
		t.Fatal(err)
	}
	repeat = len(r.Batch()) == 0
	for i := range r.Batch() {
		if *r.Batch()[i].Claim != claim {
			t.Errorf("the destination learns of %+v", r.Batch()[i].Claim)
		}
		if stores {
			r.Settle(i, nil)
		} else {
			r.Settle(i, errors.New("no"))
		}
	}
	r.Answer()
	if why := source.Refusal(); why != nil {
		if len(c.answers) != 1 || !strings.Contains(c.answers[0], " refused "+why.Error()) {
			t.Errorf("answers %q to a refusal", c.answers)
		}
		return why.Kind, false
	}
	return 0, repeat
}

// step is a message that arrives.
type step struct {
	claim   message.Claim
	seq     uint64
	refusal message.ClaimErrorKind
	repeat  bool
	fails   bool // the destination refuses it
}

func TestClaims(t *testing.T) {
	const other, used = message.OtherOwner, message.UsedUp
	for name, steps := range map[string][]step{
		"another key does not take an id over":        {{claim: web, seq: 1}, {claim: thief, seq: 2, refusal: other}, {claim: web, seq: 2}},
		"nor learns that a number is stored":          {{claim: web, seq: 1}, {claim: thief, seq: 1, refusal: other}},
		"nor does what is in clear":                   {{claim: web, seq: 1}, {claim: clear_, seq: 2, refusal: other}, {claim: web, seq: 2}},
		"a key is changed under the same name":        {{claim: web, seq: 1}, {claim: rotated, seq: 1, repeat: true}, {claim: rotated, seq: 2}},
		"and then changed back":                       {{claim: web, seq: 1}, {claim: rotated, seq: 2}, {claim: web, seq: 3}},
		"a key gets a name":                           {{claim: keyOnly, seq: 1}, {claim: web, seq: 2}, {claim: rotated, seq: 3}},
		"another key without the name":                {{claim: keyOnly, seq: 1}, {claim: rotated, seq: 2, refusal: other}},
		"the first key that comes adopts an id":       {{claim: clear_, seq: 1}, {claim: web, seq: 1, repeat: true}, {claim: clear_, seq: 2, refusal: other}},
		"in clear as ever":                            {{claim: clear_, seq: 1}, {claim: clear_, seq: 2}, {claim: clear_, seq: 1, repeat: true}},
		"what is not stored gives no one an id":       {{claim: thief, seq: 1, fails: true}, {claim: web, seq: 1}, {claim: thief, seq: 2, refusal: other}},
		"nor does it take one away":                   {{claim: web, seq: 1}, {claim: rotated, seq: 2, fails: true}, {claim: web, seq: 2}},
		"a successor goes on":                         {{claim: process("a", 1), seq: 1}, {claim: process("b", 2), seq: 1, repeat: true}, {claim: process("b", 2), seq: 2}},
		"a successor sends the rest of its journal":   {{claim: process("a", 1), seq: 2}, {claim: process("b", 4), seq: 1}, {claim: process("b", 4), seq: 3}},
		"a clone's numbers are not its twin's":        {{claim: process("a", 5), seq: 5}, {claim: process("b", 5), seq: 5, refusal: used}, {claim: process("b", 5), seq: 6, refusal: used}, {claim: process("a", 5), seq: 5, repeat: true}},
		"the twin comes back after the clone":         {{claim: process("a", 5), seq: 4}, {claim: process("b", 5), seq: 5}, {claim: process("a", 5), seq: 5, refusal: used}},
		"one that only sends what was left":           {{claim: process("a", 5), seq: 4}, {claim: process("b", 0), seq: 3}, {claim: process("b", 0), seq: 4, repeat: true}, {claim: process("a", 5), seq: 5}},
		"a machine that was set back":                 {{claim: process("a", 1), seq: 9}, {claim: process("b", 5), seq: 5, refusal: used}},
		"a process after what was refused of it":      {{claim: process("a", 1), seq: 1, fails: true}, {claim: process("a", 1), seq: 2}, {claim: process("a", 1), seq: 1}},
		"another, of which nothing is stored":         {{claim: process("a", 1), seq: 1}, {claim: process("b", 9), seq: 9, fails: true}, {claim: process("a", 1), seq: 2}, {claim: process("a", 1), seq: 1, repeat: true}},
		"a successor after what was refused":          {{claim: process("a", 1), seq: 1, fails: true}, {claim: process("b", 2), seq: 1}, {claim: process("b", 2), seq: 2}},
		"an older omzmq, then a newer one, then back": {{claim: clear_, seq: 1}, {claim: process("b", 2), seq: 2}, {claim: clear_, seq: 3}},
	} {
		t.Run(name, func(t *testing.T) {
			var r Receiver
			for i, s := range steps {
				refusal, repeat := arrive(t, &r, s.claim, s.seq, !s.fails)
				if refusal != s.refusal || repeat != s.repeat {
					t.Fatalf("step %d: refusal %d, repeat %v", i, refusal, repeat)
				}
			}
		})
	}
}

// While two senders with one id are connected, nothing of either is stored or acknowledged, and no number is used up.
func TestContestedSourcesAreRefused(t *testing.T) {
	var r Receiver
	c := &fakeConn{}
	claim := process("a", 1)
	source := r.Source(testID, &claim, true)
	for seq := range uint64(3) {
		frames := [][]byte{binary.BigEndian.AppendUint64(nil, seq+1), nil, []byte("text")}
		if err := r.Add(c, source, frames, message.Message{}); err != nil {
			t.Fatal(err)
		}
	}
	if len(r.Batch()) > 0 || source.Refusal().Kind != message.TwoSenders {
		t.Errorf("%d messages are stored", len(r.Batch()))
	}
	if r.Answer(); len(c.answers) != 3 || r.Refused != 3 {
		t.Errorf("answers %q", c.answers)
	}
	if refusal, repeat := arrive(t, &r, process("b", 1), 1, true); refusal != 0 || repeat {
		t.Errorf("afterwards: %v, %v", refusal, repeat)
	}
}

// A message that is no message at all does not give its sender the id.
func TestNonsenseClaimsNothing(t *testing.T) {
	var r Receiver
	if err := r.Add(&fakeConn{}, r.Source(testID, &thief, false), [][]byte{[]byte("no number")}, message.Message{}); err == nil {
		t.Error("no error")
	}
	r.Answer()
	if refusal, _ := arrive(t, &r, web, 1, true); refusal != 0 {
		t.Errorf("the id is the thief's: %v", refusal)
	}
}

func TestParseInstance(t *testing.T) {
	id := NewInstance()
	if id == NewInstance() || ParseInstance(id, "17") != (message.Claim{Instance: id, First: 17}) {
		t.Errorf("instance %q", id)
	}
	if got := ParseInstance(id, ""); got != (message.Claim{Instance: id}) || got.Gives() {
		t.Errorf("%+v", got)
	}
	for _, bad := range [][2]string{{"", "1"}, {"", ""}, {id, "0"}, {id, "-1"}, {id, "9223372036854775808"},
		{id + "\n", "1"}, {"ä", "1"}, {strings.Repeat("x", maxInstance+1), "1"}} {
		if got := ParseInstance(bad[0], bad[1]); got != (message.Claim{}) {
			t.Errorf("%q: %+v", bad, got)
		}
	}
}

// What a sender is told fits into what it reads of a refusal, and into one line.
func TestRefusalsAreReadable(t *testing.T) {
	for kind := message.OtherOwner; kind <= message.TwoSenders; kind++ {
		text := (&message.ClaimError{Kind: kind, Owner: "somebody"}).Error()
		a, err := ParseAnswer([][]byte{binary.BigEndian.AppendUint64(nil, 1), []byte(text)})
		if err != nil || a.Reason != text || strings.Contains(text, "somebody") || !strings.Contains(text, "--new-sender-id") {
			t.Errorf("%q: %v", a.Reason, err)
		}
	}
}
