package hub

import "github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"

// subscription is one subscriber's wish for a prefix.
type subscription struct {
	peer   *zmq.Peer
	prefix string
}

// ask asks publishers for what a subscriber wants, as far as it may have that.
//
// One subscriber can use up the room for prefixes. The others must get their messages all the same: for a prefix that
// does not fit, publishers are asked for the shortest one that covers it and that the subscriber may have. The file of
// rights bounds the number of those; without rights it is the empty prefix.
func (h *Hub) ask(p *zmq.Peer, prefix []byte) {
	allowed := p.Allowed()
	if allowed != nil && !allowed.Match(prefix) { // it is wider than what the subscriber may have
		allowed.Part(prefix, h.In.Require)
		return
	}
	if err := h.In.Subscribe(prefix); err != nil {
		h.remember(subscription{p, string(prefix)})
		h.In.Require(cover(p, prefix))
	}
}

// unask takes back what ask has asked for.
func (h *Hub) unask(p *zmq.Peer, prefix []byte) {
	allowed := p.Allowed()
	switch {
	case allowed != nil && !allowed.Match(prefix):
		allowed.Part(prefix, h.In.Unsubscribe)
	case h.forget(subscription{p, string(prefix)}):
		h.In.Unsubscribe(cover(p, prefix))
	default:
		h.In.Unsubscribe(prefix)
	}
}

// cover returns the shortest prefix that covers this one and that the peer may have.
func cover(p *zmq.Peer, prefix []byte) []byte {
	if allowed := p.Allowed(); allowed != nil {
		return allowed.Cover(prefix)
	}
	return nil
}

func (h *Hub) remember(s subscription) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.refused[s] = true
}

// forget removes s from the refused ones, and reports whether it was one.
func (h *Hub) forget(s subscription) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	was := h.refused[s]
	delete(h.refused, s)
	return was
}
