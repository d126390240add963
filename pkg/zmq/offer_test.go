package zmq

import (
	"bytes"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmtp"
)

// A run of a batch is copied as far as it fits; the rest is missed.
func TestOutboxTakesRuns(t *testing.T) {
	r := newReceiver(1<<20, 100)
	r.raw = true
	var wire []byte
	for i := range 8 {
		wire = zmtp.AppendMessage(wire, []byte{'0' + byte(i)}, bytes.Repeat([]byte("x"), 50))
	}
	r.filled(copy(r.space(), wire))
	b, err := r.parse()
	if err != nil {
		t.Fatal(err)
	}
	defer b.Release()
	size := len(wire) / 8
	for name, test := range map[string]struct {
		hwm, bytes int // already queued
		fit        int
	}{
		"everything":        {100, 0, 6},
		"some by number":    {4, 0, 4},
		"some by bytes":     {100, maxQueueBytes - 3*size, 3},
		"one more by bytes": {100, maxQueueBytes - 3*size - 1, 4},
	} {
		o := newOutbox(test.hwm)
		o.bytes = test.bytes
		o.take()
		missed, first := o.offerRun(b, 1, 7)
		if int(missed) != 6-test.fit || first != (missed > 0) || !o.woken() {
			t.Errorf("%s: %d missed, first: %v", name, missed, first)
		}
		if got := o.take(); !bytes.Equal(got.messages, wire[size:size*(1+test.fit)]) || got.count != test.fit {
			t.Errorf("%s: %d messages, %q", name, got.count, got.messages)
		}
		if missed > 0 {
			if again, first := o.offerRun(b, 1, 7); again != 6 || first {
				t.Errorf("%s: %d missed while it is full, first: %v", name, again, first)
			}
		}
	}
}
