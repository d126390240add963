package main

import (
	"context"
	"sync"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// settling is how long no subscription must have come before a replay begins: a subscriber of several topics asks for
// one after the other.
const settling = 200 * time.Millisecond

// subscribers are the peers that have subscribed to something.
type subscribers struct {
	mu      sync.Mutex
	wants   map[*zmq.Peer]int
	changed chan struct{} // closed at the next change
}

func newSubscribers() *subscribers {
	return &subscribers{wants: make(map[*zmq.Peer]int), changed: make(chan struct{})}
}

// change is zmq.Config.OnSubscription.
func (s *subscribers) change(p *zmq.Peer, _ []byte, wanted bool, apply func()) {
	apply()
	s.mu.Lock()
	defer s.mu.Unlock()
	if wanted {
		s.wants[p]++
	} else if s.wants[p]--; s.wants[p] <= 0 {
		delete(s.wants, p)
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *subscribers) state() (number int, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.wants), s.changed
}

// number returns how many there are.
func (s *subscribers) number() int {
	n, _ := s.state()
	return n
}

// await waits until there are least of them and they have asked for everything. It returns false if ctx ends first.
func (s *subscribers) await(ctx context.Context, least int) bool {
	for ctx.Err() == nil {
		n, changed := s.state()
		if least == 0 {
			return true
		}
		var settled <-chan time.Time
		if n >= least {
			settled = time.After(settling)
		}
		select {
		case <-settled:
			return true
		case <-changed:
		case <-ctx.Done():
		}
	}
	return false
}
