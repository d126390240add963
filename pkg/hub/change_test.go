package hub

import (
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// A subscription begins in the same step in which its replay ends: no message is remembered or passed on
// between the two.
func TestChangeIsOneStep(t *testing.T) {
	h, err := New(Config{Replay: 1, ReplayBytes: 1000})
	if err != nil {
		t.Fatal(err)
	}
	applied := false
	h.change(new(zmq.Peer), []byte("topic"), true, func() {
		if applied = true; h.mu.TryLock() {
			h.mu.Unlock()
			t.Error("a message can come between replay and subscription")
		}
	})
	if !applied {
		t.Error("the subscription was not applied")
	}
}

// A refused subscription is remembered until it is cancelled, and no longer.
func TestRefusedSubscriptionIsForgotten(t *testing.T) {
	h, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	s := subscription{new(zmq.Peer), "topic"}
	h.remember(s)
	if !h.forget(s) || h.forget(s) || len(h.refused) != 0 {
		t.Errorf("%d are left", len(h.refused))
	}
}
