package zmq

import (
	"io"
	"strings"
	"testing"
	"time"
)

const beat = 20 * time.Millisecond

// A peer that has said nothing for three intervals is dropped; it has been asked before.
func TestSilentPeerIsDropped(t *testing.T) {
	_, at, reason := down(t, Config{Type: Pull, Heartbeat: beat})
	began := time.Now()
	r := peerRaw(t, at, "PUSH", 1)
	if said := r.ended(); !strings.HasPrefix(said, "\x04\x07\x04PING\x00\x00") {
		t.Errorf("the peer was told %q", said)
	}
	if err := <-reason; err == nil || !strings.Contains(err.Error(), "silent for 60ms") {
		t.Errorf("reason: %v", err)
	}
	if stood := time.Since(began); stood < 3*beat {
		t.Errorf("dropped after %v", stood)
	}
}

// Whatever a peer says shows that it lives.
func TestPeerThatAnswersStays(t *testing.T) {
	s, at, reason := down(t, Config{Type: Pull, Heartbeat: beat})
	r := peerRaw(t, at, "PUSH", 1)
	for range 20 {
		if _, ping := r.frame(); ping != "\x04PING\x00\x00" {
			t.Fatalf("heard %q", ping)
		}
		r.say(command("PONG", ""))
	}
	r.say("\x00\x02on")
	if got := receiveOne(t, s); got != "on" || len(reason) > 0 {
		t.Errorf("received %q", got)
	}
}

// Before version 3.1 there is no PING: it would be a message to the peer, and its silence means nothing.
func TestOldPeerIsNotPinged(t *testing.T) {
	s, at, reason := down(t, Config{Type: Pull, Heartbeat: beat})
	r := peerRaw(t, at, "PUSH", 0)
	r.SetReadDeadline(time.Now().Add(10 * beat))
	if said, err := io.ReadAll(r); len(said) > 0 || err == nil {
		t.Errorf("heard %q, %v", said, err)
	}
	r.say("\x00\x02on")
	if got := receiveOne(t, s); got != "on" || len(reason) > 0 {
		t.Errorf("received %q", got)
	}
}

// A peer is not silent because we did not read: it may have said something long ago.
func TestBackPressureIsNoSilence(t *testing.T) {
	s, at, reason := down(t, Config{Type: Pull, Heartbeat: beat})
	r := peerRaw(t, at, "PUSH", 1)
	r.say("\x00\x03one")
	for range 10 { // ten times we ask, and nobody receives; the answers are not read either
		if _, ping := r.frame(); ping != "\x04PING\x00\x00" {
			t.Fatalf("heard %q", ping)
		}
		r.say(command("PONG", ""))
	}
	if got := receiveOne(t, s); got != "one" {
		t.Errorf("received %q", got)
	}
	r.say("\x00\x03two")
	if got := receiveOne(t, s); got != "two" || len(reason) > 0 {
		t.Errorf("received %q", got)
	}
}

// A writer that always has something to write asks all the same: a PULL has nothing else to answer.
func TestBusyWriterPings(t *testing.T) {
	s, at, reason := down(t, Config{Type: Push, Heartbeat: beat, HWM: 10})
	r := peerRaw(t, at, "PULL", 1)
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		for body := make([]byte, 1000); ; s.Queue(body) {
			select {
			case <-stop:
				return
			default:
			}
		}
	}()
	for pings := 0; pings < 10; {
		flags, body := r.frame()
		switch {
		case flags == 4 && body == "\x04PING\x00\x00":
			pings++
			r.say(command("PONG", ""))
		case flags != 0 || len(body) != 1000:
			t.Fatalf("flags %d, %q", flags, body)
		}
	}
	if len(reason) > 0 {
		t.Errorf("the peer was dropped: %v", <-reason)
	}
}
