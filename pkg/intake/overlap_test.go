package intake

import (
	"context"
	"slices"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/delivery"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// While a round is being stored, the next one is read: a message that is none ends its connection then, not later.
func TestTheNextRoundIsGatheredMeanwhile(t *testing.T) {
	t.Parallel()
	id := delivery.NewSenderID()
	down := make(chan error, 100)
	sender := zmq.Config{Type: zmq.Dealer, Identity: id[:], OnDown: func(_ *zmq.Peer, err error) { down <- err }}
	dest := &fakeDestination{release: make(chan struct{})}
	r := start(t, Config{Acknowledge: true, Batch: 1}, zmq.Config{Type: zmq.Router}, sender, dest)
	r.send(t, 1, "a")
	<-dest.entered
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := r.sender.Send(ctx, []byte("no number"), nil, []byte("x")); err != nil {
		t.Fatal(err)
	}
	select {
	case <-down:
	case <-ctx.Done():
		t.Fatal("nothing was read while the destination waited")
	}
	close(dest.release)
	r.send(t, 2, "b")
	r.answered(t, 2)
	if got := dest.has(); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("stored %q", got)
	}
}

// What comes again while it is being stored is stored once, and answered once it is stored.
func TestRepeatWhileItIsStored(t *testing.T) {
	t.Parallel()
	r := acknowledged(t, 1, &fakeDestination{release: make(chan struct{})})
	r.send(t, 1, "a")
	<-r.dest.entered
	r.send(t, 1, "a")
	r.send(t, 2, "b")
	if len(r.answers) > 0 {
		t.Error("answered before it was stored")
	}
	close(r.dest.release)
	r.answered(t, 2)
	if got := r.dest.has(); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("stored %q", got)
	}
	r.stop()
	r.expectEnd(t)
	if c := r.intake.Counters(); c != (Counters{Received: 3, Stored: 2, Duplicates: 1}) {
		t.Errorf("counters %+v", c)
	}
}

// If the destination ends, the round that was gathered meanwhile is neither stored nor acknowledged.
func TestDestinationEndsBetweenTwoRounds(t *testing.T) {
	t.Parallel()
	r := acknowledged(t, 1, &fakeDestination{release: make(chan struct{})})
	r.send(t, 1, "a")
	<-r.dest.entered
	r.send(t, 2, "b", "c")
	close(r.dest.over)
	r.expectEnd(t)
	if got := r.dest.has(); len(got)+len(r.answers) > 0 {
		t.Errorf("stored %q; %d answers", got, len(r.answers))
	}
}
