package tap

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// Watch sets callbacks in the configuration of a SUB or XSUB that report its gaps to the stream: messages
// that publishers say they have dropped, and lost connections to publishers that it has dialed. The other
// callbacks stay as they are.
func Watch(s *Stream, cfg *zmq.Config) {
	cfg.OnMissed = func(p *zmq.Peer, n uint64) {
		s.Report(Gap{Publisher: p.Remote(), Count: n, Time: time.Now(),
			Reason: "the publisher dropped them because this end, or the network between, was too slow"})
	}
	cfg.OnDown = func(p *zmq.Peer, err error) {
		if p.Endpoint() == "" || errors.Is(err, zmq.ErrClosed) || errors.Is(err, net.ErrClosed) {
			return // a publisher that dialed us may leave when it is done; and our own end is no loss
		}
		s.Report(Gap{Publisher: p.Remote(), Time: time.Now(),
			Reason: fmt.Sprintf("the publisher is gone (%v): what it publishes from now on is missing", err)})
	}
}
