package zmq

import (
	"strings"
	"testing"
)

// The two buffers of an outbox take turns.
func TestOutboxReusesItsBuffers(t *testing.T) {
	o := newOutbox(10)
	seen := make(map[*byte]bool)
	for range 10 {
		o.add(one("m"), false)
		w := o.take()
		seen[&w.messages[0]] = true
		o.add(one("m"), false)
		o.wrote(w)
	}
	if len(seen) != 2 {
		t.Errorf("%d buffers were used", len(seen))
	}
}

// A buffer that a burst has made large is given back after it, and only after it.
func TestRecycle(t *testing.T) {
	tests := []struct {
		name           string
		used, capacity int
		held           int // uses in a row for which the buffer is held; -1: forever
	}{
		{"the smallest", 1, minBlock, -1},
		{"one just used enough", maxBlock/wasted + 1, maxBlock, -1},
		{"one used too little", maxBlock / wasted, maxBlock, enough - 1},
		{"the largest that is not given back at once", maxBlock/4 + 1, 4 * maxBlock, -1},
		{"a very large one", maxBlock, 4*maxBlock + 4, 0},
		{"a very large one that is used", maxBlock + 1, 4*maxBlock + 4, -1},
	}
	for _, test := range tests {
		small, held := 0, 0
		for buf := make([]byte, test.used, test.capacity); held < 4*enough; held++ {
			if buf = recycle(buf[:test.used], &small, true); buf == nil {
				break
			}
			if len(buf) != 0 || cap(buf) != test.capacity {
				t.Fatalf("%s: %d of %d bytes", test.name, len(buf), cap(buf))
			}
		}
		if test.held < 0 {
			test.held = 4 * enough
		}
		if held != test.held {
			t.Errorf("%s: held for %d uses, want %d", test.name, held, test.held)
		}
	}
	small := 0
	for i := range 4 * enough { // a buffer that is needed periodically stays
		used := 1
		if i%(enough-1) == 0 {
			used = maxBlock / 2
		}
		if recycle(make([]byte, used, maxBlock), &small, true) == nil {
			t.Fatal("a buffer that is needed was given back")
		}
	}
}

// The buffers of an outbox take no more of the budget than twice what it accepts, however they grow.
func TestOutboxBuffersAreBounded(t *testing.T) {
	const size = 64 << 10
	o := newOutbox(1000)
	body := strings.Repeat("x", size)
	for range 3 {
		o.accepts(body)
		if used := o.limits.out.Used(); used > 2*(maxQueueBytes+2*size) {
			t.Fatalf("%d KiB are used", used>>10)
		}
		o.writes()
	}
}

// Where peers are few, a writer that gets now much and now little makes no garbage of its buffers.
func TestOutboxKeepsItsBuffers(t *testing.T) {
	o := newOutbox(1000)
	body := one(strings.Repeat("x", 64<<10))
	turn := func() {
		for _, n := range []int{60, 1, 1, 30, 1, 1} {
			for range n {
				o.add(body, false)
			}
			o.writes()
		}
	}
	turn()
	if n := testing.AllocsPerRun(10, turn); n > 0 {
		t.Errorf("%v buffers are made in each turn", n)
	}
}
