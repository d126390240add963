package delivery

import (
	"bytes"
	"encoding/binary"
	"math"
	"os/exec"
	"strings"
	"testing"
	"unicode"
)

func TestSenderID(t *testing.T) {
	id := NewSenderID()
	if got, err := ParseSenderID(id[:]); err != nil || got != id {
		t.Errorf("%x, %v", got, err)
	}
	if NewSenderID() == id {
		t.Error("two senders have the same id")
	}
	for _, identity := range [][]byte{nil, []byte("me"), id[1:], append([]byte{2}, id[1:]...), append(id[:], 0)} {
		if _, err := ParseSenderID(identity); err == nil {
			t.Errorf("%x was accepted", identity)
		}
	}
}

func TestParseAnswer(t *testing.T) {
	seq := binary.BigEndian.AppendUint64(nil, 7)
	if a, err := ParseAnswer([][]byte{seq}); err != nil || a != (Answer{Seq: 7}) {
		t.Errorf("%+v, %v", a, err)
	}
	if a, err := ParseAnswer([][]byte{seq, nil}); err != nil || a != (Answer{Seq: 7, Refused: true}) {
		t.Errorf("two frames are a refusal even if the reason is empty: %+v, %v", a, err)
	}
	text := "a\nb\x7fc\u0085d\u2028e\u2029f"
	if a, err := ParseAnswer([][]byte{seq, []byte(text)}); err != nil || a.Reason != "a b c d e f" {
		t.Errorf("a reason that is not printable: %+v, %v", a, err)
	}
	if a, err := ParseAnswer([][]byte{seq, make([]byte, 1<<20)}); err != nil || len(a.Reason) != maxReason {
		t.Errorf("a reason of 1 MiB: %d bytes are taken, %v", len(a.Reason), err)
	}
	over := binary.BigEndian.AppendUint64(nil, maxSeq+1)
	highest := binary.BigEndian.AppendUint64(nil, math.MaxUint64)
	if a, err := ParseAnswer([][]byte{binary.BigEndian.AppendUint64(nil, maxSeq)}); err != nil || a.Seq != maxSeq {
		t.Errorf("the highest number: %+v, %v", a, err)
	}
	for _, frames := range [][][]byte{nil, {nil}, {seq[1:]}, {seq, seq, seq}, {make([]byte, 8)}, {over}, {highest, nil}} {
		if _, err := ParseAnswer(frames); err == nil {
			t.Errorf("%x was accepted", frames)
		}
	}
}

func TestCodecDoesNoIO(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", "{{join .Imports \" \"}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Fields(string(out)) {
		switch name {
		case "net", "os", "time", "log":
			t.Errorf("the package imports %s", name)
		}
	}
}

func FuzzParseAnswer(f *testing.F) {
	f.Fuzz(func(t *testing.T, seq, reason []byte, two bool) {
		frames := [][]byte{seq}
		if two {
			frames = append(frames, reason)
		}
		a, err := ParseAnswer(frames)
		if err != nil {
			return
		}
		if !bytes.Equal(binary.BigEndian.AppendUint64(nil, a.Seq), seq) || a.Refused != two || a.Seq > maxSeq {
			t.Fatalf("%x became %+v", seq, a)
		}
		if strings.ContainsFunc(a.Reason, unicode.IsControl) || len(a.Reason) > 3*maxReason {
			t.Fatalf("reason %q", a.Reason)
		}
	})
}
