package zmq

import (
	"bytes"
	"fmt"
)

// maxSubscriptionBytes bounds what one subscriber may ask us to remember: its prefixes and what keeping them costs.
const maxSubscriptionBytes = 1 << 20

// subscriptionCost is the memory that a subscription takes besides its prefix, roughly.
const subscriptionCost = 64

// subscriptions are the prefixes that one subscriber has asked for (RFC 29): two subscriptions to the same
// prefix need two cancellations. Its owner guards it.
type subscriptions struct {
	counts   map[string]int
	prefixes [][]byte
	bytes    int
}

func (s *subscriptions) add(prefix []byte) error {
	if n := s.counts[string(prefix)]; n > 0 {
		s.counts[string(prefix)] = n + 1
		return nil
	}
	s.bytes += len(prefix) + subscriptionCost
	if s.bytes > maxSubscriptionBytes {
		return fmt.Errorf("a subscriber asks for more prefixes than %d bytes hold", maxSubscriptionBytes)
	}
	if s.counts == nil {
		s.counts = make(map[string]int)
	}
	s.counts[string(prefix)] = 1
	s.prefixes = append(s.prefixes, bytes.Clone(prefix))
	return nil
}

func (s *subscriptions) remove(prefix []byte) {
	n := s.counts[string(prefix)]
	if n > 1 {
		s.counts[string(prefix)] = n - 1
		return
	}
	if n == 0 {
		return
	}
	delete(s.counts, string(prefix))
	s.bytes -= len(prefix) + subscriptionCost
	for i, p := range s.prefixes {
		if bytes.Equal(p, prefix) {
			last := len(s.prefixes) - 1
			s.prefixes[i], s.prefixes[last] = s.prefixes[last], nil
			s.prefixes = s.prefixes[:last]
			return
		}
	}
}

// match tells whether topic, a message's first frame, begins with one of the prefixes.
func (s *subscriptions) match(topic []byte) bool {
	for _, prefix := range s.prefixes {
		if bytes.HasPrefix(topic, prefix) {
			return true
		}
	}
	return false
}
