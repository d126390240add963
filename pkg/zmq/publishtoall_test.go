package zmq

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// What does not fit waits for the slowest peer, and nobody misses it.
func TestPublishToAllWaits(t *testing.T) {
	const hwm, total = 10, 5_000
	s, at := bound(t, Config{Type: Pub, HWM: hwm})
	r := peerRaw(t, at, "SUB", 1)
	if peers, err := s.PublishToAll(t.Context(), []byte("nobody")); peers != 0 || err != nil {
		t.Errorf("nobody has subscribed: %d, %v", peers, err)
	}
	r.say(command("SUBSCRIBE", ""))
	subscribed(t, s, "", true)
	body := strings.Repeat("x", 10_000)
	published := make(chan error, 1)
	go func() {
		for range total {
			if peers, err := s.PublishToAll(t.Context(), []byte(body)); peers != 1 || err != nil {
				published <- errors.Join(errors.New("the peer has gone"), err)
				return
			}
		}
		s.Flush()
		published <- nil
	}()
	for i := range total {
		if _, got := r.frame(); got != body {
			t.Fatalf("message %d is %.20q", i, got)
		}
	}
	if err := <-published; err != nil || s.Dropped() != 0 {
		t.Errorf("%v, %d dropped", err, s.Dropped())
	}
}

// The wait ends with the context, or when the slowest peer has gone.
func TestPublishToAllEnds(t *testing.T) {
	s, at := bound(t, Config{Type: Pub, HWM: 10})
	r := peerRaw(t, at, "SUB", 1)
	r.say(command("SUBSCRIBE", ""))
	subscribed(t, s, "", true)
	ctx, cancel := context.WithCancel(t.Context())
	fill := func(ctx context.Context) (peers int, err error) {
		body := make([]byte, 100_000)
		for peers, err = s.PublishToAll(ctx, body); peers == 1 && err == nil; peers, err = s.PublishToAll(ctx, body) {
		}
		return peers, err
	}
	ended := make(chan error, 1)
	go func() {
		_, err := fill(ctx)
		ended <- err
	}()
	eventually(t, "a full outbox", func() bool { return full(s) })
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	gone := make(chan int, 1)
	go func() {
		peers, _ := fill(t.Context()) //nolint:errcheck // there is none
		gone <- peers
	}()
	r.Close()
	if peers := <-gone; peers != 0 || s.Dropped() != 0 {
		t.Errorf("%d peers, %d dropped", peers, s.Dropped())
	}
}

// full reports whether the only peer of a socket has no room.
func full(s *Socket) (is bool) {
	s.EachPeer(func(p *Peer) bool {
		p.outbox.mu.Lock()
		defer p.outbox.mu.Unlock()
		is = p.outbox.full
		return false
	})
	return is
}
