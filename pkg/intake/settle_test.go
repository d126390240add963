package intake

import (
	"encoding/binary"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/delivery"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/destination"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

// A million messages a second are settled: none may cost an allocation.
func TestSettlingAllocatesNothing(t *testing.T) {
	in := New(Config{Acknowledge: true, Batch: 10, Logger: quiet}, nil, nil)
	claim := &message.Claim{Key: "key"}
	source := in.receiver.Source(delivery.NewSenderID(), claim, false)
	frames := [][]byte{binary.BigEndian.AppendUint64(nil, 1), nil, []byte("payload")}
	if err := in.receiver.Add(nil, source, frames, message.Message{}); err != nil {
		t.Fatal(err)
	}
	for name, refusal := range map[string]error{"stored": nil, "stored before": destination.ErrRepeat} {
		if n := testing.AllocsPerRun(100, func() { in.settleAcknowledged(0, refusal) }); n > 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	if n := testing.AllocsPerRun(100, func() { in.settlePlain(0, nil) }); n > 0 {
		t.Errorf("plain: %v allocations", n)
	}
}
