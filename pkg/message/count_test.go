package message

import "testing"

func TestCount(t *testing.T) {
	for n, want := range map[int]string{0: "0 messages are", 1: "1 message is", 2: "2 messages are", 21: "21 messages are"} {
		if got := Count(n, "message is", "messages are"); got != want {
			t.Errorf("%d: %q", n, got)
		}
	}
}
