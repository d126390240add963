package tap

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// Watch sets callbacks in the configuration of a SUB or XSUB that report its gaps, each with the publisher: messages
// that publishers say they have dropped, or that were lost before the publishers got them, and lost connections to
// publishers that it has dialed. The other callbacks stay as they are.
func Watch(cfg *zmq.Config, report func(*zmq.Peer, Gap)) {
	cfg.OnMissed = func(p *zmq.Peer, n uint64) {
		report(p, Gap{Publisher: p.Remote(), Count: n, Time: time.Now(),
			Reason: "the publisher dropped them because this end, or the network between, was too slow"})
	}
	cfg.OnLost = func(p *zmq.Peer, n uint64) {
		reason := "they were lost before the publisher, a hub, received them"
		if n == 0 {
			reason = "messages may be missing: some were lost before the publisher, a hub, received them"
		}
		report(p, Gap{Publisher: p.Remote(), Count: n, Before: true, Time: time.Now(), Reason: reason})
	}
	cfg.OnDown = func(p *zmq.Peer, err error) {
		if p.Endpoint() == "" || errors.Is(err, zmq.ErrClosed) || errors.Is(err, net.ErrClosed) {
			return // a publisher that dialed us may leave when it is done; and our own end is no loss
		}
		report(p, Gap{Publisher: p.Remote(), Time: time.Now(),
			Reason: fmt.Sprintf("the publisher is gone (%v): what it publishes from now on is missing", err)})
	}
}
