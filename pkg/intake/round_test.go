package intake

import (
	"context"
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/delivery"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// patient starts an intake that would wait for an hour's silence, were the round not over before.
func patient(t *testing.T, batch int) *rig {
	id := delivery.NewSenderID()
	cfg := Config{Acknowledge: true, Batch: batch, Delay: time.Hour, Quiet: time.Hour}
	router := zmq.Config{Type: zmq.Router, MaxMessage: 2 * roundBytes}
	return start(t, cfg, router, zmq.Config{Type: zmq.Dealer, Identity: id[:]}, &fakeDestination{})
}

// A repeat takes a place in the round, although it is not stored: otherwise a peer that sends nothing else would never
// let the round end, and nobody would be answered.
func TestRepeatsEndARound(t *testing.T) {
	t.Parallel()
	r := patient(t, 1)
	for range 3 {
		r.send(t, 1, "a")
		r.answered(t, 1)
	}
	if got := r.dest.has(); !slices.Equal(got, []string{"a"}) {
		t.Errorf("stored %q", got)
	}
}

// The same for messages that are refused before they are stored.
func TestRefusalsEndARound(t *testing.T) {
	t.Parallel()
	r := patient(t, 1)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := r.sender.Send(ctx, binary.BigEndian.AppendUint64(nil, 1)); err != nil {
		t.Fatal(err)
	}
	r.answered(t, 1)
}

func TestBytesEndARound(t *testing.T) {
	t.Parallel()
	r := patient(t, 1000)
	r.send(t, 1, strings.Repeat("x", roundBytes))
	r.answered(t, 1)
}

// What is ready all the time does not keep a round going for ever.
func TestTimeEndsARound(t *testing.T) {
	began := time.Now()
	for _, test := range []struct {
		delay, lasted time.Duration
		over          bool
	}{
		{0, 0, false}, {0, roundTime - 1, false}, {0, roundTime, true},
		{time.Second, roundTime, false}, {time.Second, time.Second, true},
	} {
		in := Intake{cfg: Config{Batch: 1000, Delay: test.delay}, round: &round{messages: 1, began: began, last: began.Add(test.lasted)}}
		if in.over() != test.over {
			t.Errorf("with a delay of %v, the round is over after %v: %v", test.delay, test.lasted, !test.over)
		}
	}
}
