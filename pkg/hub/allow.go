package hub

import (
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/hub/rights"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/prefix"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// SetRights puts other rights in the place of Config.Rights, which was not nil. It ends the connections of those whose
// rights have changed, which they may make again, and returns their number. When it has returned, nothing is passed on
// that r does not allow. It takes r over, and is not called twice at a time.
func (h *Hub) SetRights(r *rights.Rights) (ended int) {
	r.Keep(h.rights.Load())
	h.rights.Store(r)
	return h.In.Reallow() + h.Out.Reallow()
}

func (h *Hub) mayPublish(p *zmq.Peer) *prefix.Set { return h.rights.Load().Publish(p.User()) }

func (h *Hub) maySubscribe(p *zmq.Peer) *prefix.Set { return h.rights.Load().Subscribe(p.User()) }
