package zmq

import (
	"strings"
	"testing"
)

// A message is cut to the limit, 4,096 bytes, and what follows it is intact.
func TestLongMessageIsCut(t *testing.T) {
	x := func(n int) string { return strings.Repeat("x", n) }
	number := "\x01\x0812345678"
	tests := []struct {
		name, wire, want string
		size             uint64
	}{
		{"one byte too long", longFrame(0, 4097) + x(4097), x(4096), 4097},
		{"16 limits", longFrame(0, 16*4096) + x(16*4096), x(4096), 16 * 4096},
		{"acknowledged", number + "\x01\x05topic" + longFrame(0, 5000) + x(5000), "12345678|topic|" + x(4083), 5013},
		{"no room is left", longFrame(1, 4096) + x(4096) + "\x00\x02ab", x(4096) + "|", 4098},
		{"inside a character", longFrame(0, 5000) + strings.Repeat("€", 1666) + "ab", strings.Repeat("€", 1365), 5000},
		{"no UTF-8", longFrame(0, 5000) + strings.Repeat("\xe2", 5000), strings.Repeat("\xe2", 4096), 5000},
		{"a topic", number + longFrame(1, 5000) + x(5000) + "\x00\x07payload", "12345678||payload", 5015},
		{"topic and payload", longFrame(1, 5000) + x(5000) + longFrame(0, 6000) + x(6000), "|" + x(4096), 11000},
		{"between them", "\x01\x01t" + longFrame(1, 5000) + x(5000) + "\x00\x01p", "t||p", 5002},
	}
	for _, test := range tests {
		for _, sizes := range []string{"", "\x01", "\x1f\x01\x01\x01\x01"} {
			got, _ := feed([]byte("\x00\x06before"+test.wire+"\x00\x05after"), []byte(sizes), true, true)
			want := fed{messages: []string{"before", test.want, "after"}, cuts: []uint64{test.size}}
			if !got.equal(want) {
				t.Errorf("%s: %.80q, sizes %d, %v", test.name, got.messages, got.cuts, got.err)
			}
		}
	}
}

// Nothing of a message is delivered before its last byte has arrived, whether or not that byte will be left out.
func TestCutMessageIsDeliveredWhenItHasArrived(t *testing.T) {
	wire := longFrame(0, 5000) + strings.Repeat("x", 5000)
	if got, _ := feed([]byte(wire[:len(wire)-1]), nil, true, true); len(got.messages)+len(got.cuts) > 0 || got.err != nil {
		t.Errorf("%d messages, cut %d, %v", len(got.messages), got.cuts, got.err)
	}
}

// What announces far too much, a command or a subscription that is too long, and an overflowing sum are not cut.
func TestWhatIsNotCut(t *testing.T) {
	almost := longFrame(1, 5000) + strings.Repeat("x", 5000)
	for _, wire := range []string{
		longFrame(0, 16<<20+1), longFrame(0, 1<<62), longFrame(0, 1<<63), longFrame(0, 1<<64-1),
		almost + longFrame(0, 16<<20-4999), almost + longFrame(0, 1<<64-5000), longFrame(4, maxCommand+1),
	} {
		if got, _ := feed([]byte(wire), nil, true, true); got.err == nil {
			t.Errorf("%.20q is accepted", wire)
		}
	}
	_, at, reason := down(t, Config{Type: XPub, MaxMessage: 1000})
	peerRaw(t, at, "SUB", 0).say(longFrame(0, 1001), "\x01", strings.Repeat("x", 1000))
	if err := <-reason; err == nil || !strings.Contains(err.Error(), "nothing but subscriptions of at most 1000 bytes") {
		t.Errorf("a subscription that is too long: %v", err)
	}
}
