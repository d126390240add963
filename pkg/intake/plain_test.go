package intake

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// Without acknowledgements, no sender sends again: what was read is lost, which is no normal end.
func TestPlainMessagesThatAreLostAreAFailure(t *testing.T) {
	t.Parallel()
	r := start(t, Config{Batch: 1000}, zmq.Config{Type: zmq.Pull}, zmq.Config{Type: zmq.Push}, &fakeDestination{release: make(chan struct{})})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := r.sender.Send(ctx, []byte("a")); err != nil {
		t.Fatal(err)
	}
	<-r.dest.entered
	r.stop()
	r.giveUp()
	select {
	case err := <-r.ended:
		if err == nil || !strings.Contains(err.Error(), "1 message that was read is lost") {
			t.Errorf("ended with %v", err)
		}
	case <-ctx.Done():
		t.Fatal("did not end")
	}
}

func TestPlainMessages(t *testing.T) {
	t.Parallel()
	r := start(t, Config{Batch: 1000, Delay: time.Millisecond}, zmq.Config{Type: zmq.Pull}, zmq.Config{Type: zmq.Push}, &fakeDestination{})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, payload := range []string{"a", "bad", "c"} {
		if err := r.sender.Send(ctx, []byte("topic"), []byte(payload)); err != nil {
			t.Fatal(err)
		}
	}
	for !slices.Equal(r.dest.has(), []string{"a", "c"}) {
		select {
		case <-r.dest.entered:
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("stored %q", r.dest.has())
		}
	}
	r.stop()
	r.expectEnd(t)
	if got := r.intake.Counters(); got != (Counters{Received: 3, Stored: 2, Refused: 1}) {
		t.Errorf("counters %+v", got)
	}
	if r.dest.nameless > 0 {
		t.Errorf("%d messages without their peer or their time", r.dest.nameless)
	}
	for _, used := range append(r.intake.spare, r.intake.round) {
		for i, m := range used.plain[:cap(used.plain)] {
			if m.Payload != nil {
				t.Errorf("message %d is still referenced", i)
			}
		}
		for i, b := range used.borrowed[:cap(used.borrowed)] {
			if b != nil {
				t.Errorf("batch %d is still referenced", i)
			}
		}
	}
}

// Without acknowledgements, a batch waits for Delay to be filled, and no longer than until it is full.
func TestPlainBatchIsFilled(t *testing.T) {
	t.Parallel()
	pull, push := zmq.Config{Type: zmq.Pull}, zmq.Config{Type: zmq.Push}
	r := start(t, Config{Batch: 3, Delay: time.Hour}, pull, push, &fakeDestination{})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for i, payload := range []string{"a", "b", "c"} {
		if err := r.sender.Send(ctx, []byte(payload)); err != nil {
			t.Fatal(err)
		}
		if i == 2 {
			break
		}
		select {
		case <-r.dest.entered:
			t.Fatal("stored before the batch was full")
		case <-time.After(20 * time.Millisecond): // more only makes a fault more likely to be seen
		}
	}
	select {
	case <-r.dest.entered:
	case <-ctx.Done():
		t.Fatal("a full batch was not stored")
	}
	r.stop()
	r.expectEnd(t)
	if got := r.dest.has(); !slices.Equal(got, []string{"a", "b", "c"}) || !slices.Equal(r.dest.batches, []int{3}) {
		t.Errorf("stored %q in batches of %d", got, r.dest.batches)
	}
}

// The end does not wait for Delay: the batch is stored as it is.
func TestStopStoresAPlainBatchThatIsNotFull(t *testing.T) {
	t.Parallel()
	pull, push := zmq.Config{Type: zmq.Pull}, zmq.Config{Type: zmq.Push}
	r := start(t, Config{Batch: 1000, Delay: time.Hour}, pull, push, &fakeDestination{})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := r.sender.Send(ctx, []byte("a")); err != nil {
		t.Fatal(err)
	}
	if unwritten := r.sender.Close(ctx); unwritten > 0 {
		t.Fatalf("%d messages were not sent", unwritten)
	}
	r.stop()
	r.expectEnd(t)
	if got := r.dest.has(); !slices.Equal(got, []string{"a"}) {
		t.Errorf("stored %q", got)
	}
}

// Everything that was sent before the end is stored, not only the batch in hand: no sender would send it again.
func TestStopTakesPlainMessagesToTheEnd(t *testing.T) {
	t.Parallel()
	const messages = 500
	r := start(t, Config{Batch: 10}, zmq.Config{Type: zmq.Pull, HWM: 20}, zmq.Config{Type: zmq.Push, HWM: 2 * messages}, &fakeDestination{release: make(chan struct{})})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for range messages {
		if err := r.sender.Send(ctx, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	<-r.dest.entered
	if unwritten := r.sender.Close(ctx); unwritten > 0 {
		t.Fatalf("%d messages were not sent", unwritten)
	}
	r.stop()
	close(r.dest.release)
	r.expectEnd(t)
	if got := len(r.dest.has()); got != messages {
		t.Errorf("stored %d of %d", got, messages)
	}
}
