package tap

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// Watch makes a SUB or XSUB that is yet to be made report its gaps: what its publishers say that they have dropped, and connections to those
// that it connects to that were lost. Its other callbacks stay.
func Watch(s *Stream, cfg *zmq.Config) {
	cfg.OnMissed = func(p *zmq.Peer, n uint64) {
		s.Report(Gap{Publisher: p.Remote(), Count: n, Time: time.Now(), Reason: "the publisher dropped them, because this end, or the way here, was too slow"})
	}
	cfg.OnDown = func(p *zmq.Peer, err error) {
		if p.Endpoint() == "" || errors.Is(err, zmq.ErrClosed) || errors.Is(err, net.ErrClosed) {
			return // it came by itself, and has ended when it was done; or we have
		}
		s.Report(Gap{Publisher: p.Remote(), Time: time.Now(), Reason: fmt.Sprintf("the publisher is gone (%v): what it publishes from now on is missing", err)})
	}
}
