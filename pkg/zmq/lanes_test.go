package zmq

import (
	"runtime"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/listen"
)

// Subscribers that do not read take no lane from those that do.
func TestStuckSubscribersHoldNoLane(t *testing.T) {
	s, at := bound(t, Config{Type: Pub, Lanes: listen.NewLanes()})
	stuck := runtime.GOMAXPROCS(0) + 1
	for range stuck {
		peerRaw(t, at, "SUB", 0).say("\x00\x01\x01")
	}
	reading := func() (n int) {
		s.audience.mu.Lock()
		defer s.audience.mu.Unlock()
		return len(s.audience.index.Of([]byte("x")).Members)
	}
	eventually(t, "their subscriptions", func() bool { return reading() == stuck })
	eventually(t, "writers that cannot go on", func() bool {
		s.Publish(make([]byte, 1<<20))
		s.Flush()
		waiting := 0
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, p := range s.peers {
			if p.writing.Load() > 0 && p.outbox.holds() > 0 {
				waiting++
			}
		}
		return waiting == stuck && s.Dropped() > 0
	})
	sub := connected(t, Config{Type: Sub, Subscribe: []string{""}}, at)
	eventually(t, "its subscription", func() bool { return reading() == stuck+1 })
	s.Publish([]byte("last"))
	s.Flush()
	if got := receiveOne(t, sub); got != "last" && len(got) != 1<<20 {
		t.Errorf("received %.20q", got)
	}
}
