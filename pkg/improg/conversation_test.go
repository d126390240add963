package improg

import (
	"errors"
	"os"
	"strings"
	"testing"
)

func TestConversation(t *testing.T) {
	for _, c := range []struct {
		name             string
		in               string
		acked            uint64
		started, stopped bool
		problem          string // a part of the error
	}{
		{"nothing", "", 0, false, false, ""},
		{"start", "START\n", 0, true, false, ""},
		{"unfinished", "START\nACK\nAC", 1, true, false, ""},
		{"all", "START\nACK\nACK\nACK\nSTOP\n", 3, true, true, ""},
		{"stop at once", "STOP\n", 0, false, true, ""},
		{"after stop", "START\nSTOP\nwhatever" + strings.Repeat("x", 100), 0, true, true, ""},
		{"ack before start", "ACK\nSTART\n", 1, true, false, ""},
		{"start twice", "START\nSTART\n", 0, true, false, "START has arrived before"},
		{"too many", "START\nACK\nACK\nACK\nACK\n", 3, true, false, "acknowledged already"},
		{"empty line", "START\n\n", 0, true, false, "only START, ACK and STOP"},
		{"carriage return", "START\r\n", 0, false, false, "only START, ACK and STOP"},
		{"lower case", "START\nack\n", 0, true, false, "only START, ACK and STOP"},
		{"overlong", strings.Repeat("x", maxLine+1), 0, false, false, "longer"},
		{"longest", strings.Repeat("x", maxLine) + "\n", 0, false, false, "only START, ACK and STOP"},
		{"after a fault", "OK\nSTART\nACK\n", 0, false, false, "only START, ACK and STOP"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for at := range len(c.in) + 1 { // split at every byte
				var talk Conversation
				talk.Send(4)
				talk.Send(-1)
				err := talk.Feed([]byte(c.in[:at]))
				if err == nil {
					err = talk.Feed([]byte(c.in[at:]))
				}
				var fault *ProtocolError
				if errors.As(err, &fault) != (c.problem != "") ||
					err != nil && !strings.Contains(err.Error(), c.problem) {
					t.Fatalf("split at %d: %v, want an error with %q", at, err, c.problem)
				}
				if err != nil && talk.Feed([]byte("ACK\n")) != err {
					t.Fatalf("split at %d: the error did not remain", at)
				}
				if talk.Acked() != c.acked || talk.Sent() != 3 ||
					talk.Started() != c.started || talk.Stopped() != c.stopped {
					t.Fatalf("split at %d: %+v", at, talk)
				}
			}
		})
	}
}

func FuzzConversation(f *testing.F) {
	f.Fuzz(func(t *testing.T, in []byte, sent uint8, at uint) {
		var whole, split Conversation
		whole.Send(int(sent))
		split.Send(int(sent))
		at %= uint(len(in) + 1)
		err := whole.Feed(in)
		split.Feed(in[:at])
		again := split.Feed(in[at:])
		if (err == nil) != (again == nil) || err != nil && err.Error() != again.Error() {
			t.Fatalf("in one piece: %v; in two: %v", err, again)
		}
		whole.err, split.err = nil, nil
		whole.line, split.line = [maxLine]byte{}, [maxLine]byte{} // scratch
		if whole != split || whole.acked > whole.sent || whole.n > maxLine {
			t.Fatalf("in one piece: %+v; in two: %+v", whole, split)
		}
	})
}

// A fuzz target without committed seeds tests nothing in an ordinary run.
func TestFuzzSeeds(t *testing.T) {
	if seeds, err := os.ReadDir("testdata/fuzz/FuzzConversation"); err != nil || len(seeds) == 0 {
		t.Errorf("FuzzConversation has no seeds under testdata/fuzz: %v", err)
	}
}
