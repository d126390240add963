package zmq

import (
	"context"
	"testing"

	"golang.org/x/sys/unix"
)

// The kernel must not hold megabytes for a subscriber that does not read. Other peers' connections are not limited.
func TestLittleWaitsInTheKernelForSubscribers(t *testing.T) {
	for _, kind := range []struct {
		ours, theirs Type
		limited      bool
	}{{XPub, Sub, true}, {Pub, Sub, true}, {Push, Pull, false}} {
		s, err := New(Config{Type: kind.ours})
		if err != nil {
			t.Fatal(err)
		}
		endpoint, err := s.Bind("tcp://127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		peer, err := New(Config{Type: kind.theirs, Subscribe: []string{""}})
		if err != nil {
			t.Fatal(err)
		}
		if err := peer.Connect(endpoint); err != nil {
			t.Fatal(err)
		}
		s.await(t.Context(), func() bool { return s.Peers() == 1 })
		limit := -1
		s.mu.Lock()
		control(s.peers[0].conn, func(fd int) {
			limit, err = unix.GetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT)
		})
		s.mu.Unlock()
		if err != nil || (limit == maxUnsent) != kind.limited {
			t.Errorf("%s: %d bytes may wait (%v), limited: %v", kind.ours, limit, err, kind.limited)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		peer.Close(ended)
		s.Close(ended)
	}
}
