package intake

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/delivery"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

func TestAcknowledgedOnceStored(t *testing.T) {
	t.Parallel()
	r := acknowledged(t, 1000, &fakeDestination{})
	r.send(t, 1, "a", "b", "c")
	r.answered(t, 3)
	if got := r.dest.has(); !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("stored %q", got)
	}
	r.send(t, 2, "b", "c", "d")
	r.answered(t, 4)
	if got := r.dest.has(); !slices.Equal(got, []string{"a", "b", "c", "d"}) {
		t.Errorf("stored %q", got)
	}
	r.stop()
	r.expectEnd(t)
	if got := r.intake.Counters(); got != (Counters{Received: 6, Stored: 4, Duplicates: 2}) {
		t.Errorf("counters %+v", got)
	}
}

func TestNothingIsAcknowledgedBeforeItIsStored(t *testing.T) {
	t.Parallel()
	r := acknowledged(t, 1000, &fakeDestination{release: make(chan struct{})})
	r.send(t, 1, "a")
	<-r.dest.entered
	select {
	case a := <-r.answers:
		t.Fatalf("answered %+v before the destination had stored it", a)
	default:
	}
	close(r.dest.release)
	r.answered(t, 1)
}

func TestRefusal(t *testing.T) {
	t.Parallel()
	r := acknowledged(t, 1000, &fakeDestination{})
	r.send(t, 1, "a", "bad", "c")
	got := r.answered(t, 3)
	if !slices.Contains(got, delivery.Answer{Seq: 2, Refused: true, Reason: "not wanted"}) {
		t.Errorf("answers %+v", got)
	}
}

func TestWhatTheDestinationKnowsIsAcknowledged(t *testing.T) {
	t.Parallel()
	r := acknowledged(t, 1000, &fakeDestination{})
	r.send(t, 1, "a", "known", "c")
	if got := r.answered(t, 3); slices.ContainsFunc(got, func(a delivery.Answer) bool { return a.Refused }) {
		t.Errorf("answers %+v", got)
	}
	r.stop()
	r.expectEnd(t)
	if got := r.intake.Counters(); got != (Counters{Received: 3, Stored: 2, Duplicates: 1}) {
		t.Errorf("counters %+v", got)
	}
}

// Waiting for more ends when nothing more arrives, not only after Delay.
func TestQuietSendersAreNotKeptWaiting(t *testing.T) {
	t.Parallel()
	id := delivery.NewSenderID()
	cfg := Config{Acknowledge: true, Batch: 1000, Delay: time.Hour, Quiet: time.Millisecond}
	r := start(t, cfg, zmq.Config{Type: zmq.Router}, zmq.Config{Type: zmq.Dealer, Identity: id[:]}, &fakeDestination{})
	for seq := range uint64(5) {
		r.send(t, seq*10+1, "a", "b", "c")
		r.answered(t, seq*10+3)
	}
	if got := r.dest.has(); len(got) != 15 {
		t.Errorf("stored %q", got)
	}
}

func TestBatchIsNeverLongerThanAskedFor(t *testing.T) {
	t.Parallel()
	r := acknowledged(t, 7, &fakeDestination{})
	var payloads, want []string
	for i := range 100 {
		payloads = append(payloads, fmt.Sprint(i))
	}
	want = payloads
	r.send(t, 1, payloads...)
	r.answered(t, 100)
	if got := r.dest.has(); !slices.Equal(got, want) {
		t.Errorf("stored %q", got)
	}
	if most := slices.Max(r.dest.batches); most > 7 {
		t.Errorf("a batch of %d", most)
	}
}

func TestStopFinishesTheBatchInHand(t *testing.T) {
	t.Parallel()
	r := acknowledged(t, 1000, &fakeDestination{release: make(chan struct{})})
	r.send(t, 1, "a")
	<-r.dest.entered
	r.stop()
	close(r.dest.release)
	r.answered(t, 1)
	r.expectEnd(t)
}

func TestStopGivesUpOnAStalledDestination(t *testing.T) {
	t.Parallel()
	r := acknowledged(t, 1000, &fakeDestination{release: make(chan struct{})})
	r.send(t, 1, "a")
	<-r.dest.entered
	r.stop()
	r.giveUp()
	r.expectEnd(t)
	if len(r.answers) != 0 {
		t.Error("acknowledged what was not stored")
	}
}

func TestDestinationEnds(t *testing.T) {
	t.Parallel()
	idle := acknowledged(t, 1000, &fakeDestination{})
	close(idle.dest.over)
	idle.expectEnd(t)
	busy := acknowledged(t, 1000, &fakeDestination{release: make(chan struct{})})
	busy.send(t, 1, "a")
	<-busy.dest.entered
	close(busy.dest.over)
	busy.expectEnd(t)
}

func TestStrangersAreDropped(t *testing.T) {
	t.Parallel()
	down := make(chan error, 100)
	sender := zmq.Config{Type: zmq.Dealer, Identity: []byte("plain"), OnDown: func(_ *zmq.Peer, err error) { down <- err }}
	start(t, Config{Acknowledge: true, Batch: 10}, zmq.Config{Type: zmq.Router}, sender, &fakeDestination{})
	select {
	case <-down:
	case <-time.After(patience):
		t.Fatal("a sender without an id was not dropped")
	}
}

func TestMalformedNumberEndsTheConnection(t *testing.T) {
	t.Parallel()
	id := delivery.NewSenderID()
	down := make(chan error, 100)
	sender := zmq.Config{Type: zmq.Dealer, Identity: id[:], OnDown: func(_ *zmq.Peer, err error) { down <- err }}
	r := start(t, Config{Acknowledge: true, Batch: 10}, zmq.Config{Type: zmq.Router}, sender, &fakeDestination{})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, number := range []string{"seven", strings.Repeat("\x00", 8), "\x80" + strings.Repeat("\x00", 7), strings.Repeat("\xff", 8)} {
		if err := r.sender.Send(ctx, []byte(number), nil, []byte("x")); err != nil {
			t.Fatal(err)
		}
		select {
		case <-down:
		case <-ctx.Done():
			t.Fatalf("the connection was not dropped after the number %x", number)
		}
	}
	r.send(t, 1, "good") // on the next connection
	r.answered(t, 1)
}
