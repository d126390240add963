package zmq

import (
	"errors"
	"log/slog"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/prefix"
)

// What Config.Allow does not allow a peer takes no part in anything:
//
//   - A subscriber gets the part of each subscription that it may have. What it may not have is not stored, so that
//     nothing of it is delivered, counted as missed, replayed or asked of publishers.
//   - A publisher's message that it may not publish ends in the receiver, like one that a SUB has not asked for. The
//     publisher is asked only for what it may publish, and thus does not learn what else is subscribed to.
//
// What a peer is allowed is the same for as long as its connection lasts: Reallow ends those for which it has changed.

// partCost is roughly the memory that a part of a subscription takes in the Index, whose nodes the peers share.
const partCost = 16

var errReallowed = errors.New("what it may publish or subscribe to has changed")

// Allowed returns what Config.Allow has returned for the peer; nil: everything. Not to be modified.
func (p *Peer) Allowed() *prefix.Set { return p.allowed }

// Admitted reports whether Curve.Clients has let the peer in. Otherwise the peer is a server, whose key we know, or there
// is no CURVE.
func (p *Peer) Admitted() bool { return p.session.client }

// parts calls f with the prefixes that a subscription of the peer stands for.
func (p *Peer) parts(prefix []byte, f func(part []byte)) {
	if p.allowed == nil {
		f(prefix)
	} else {
		p.allowed.Part(prefix, f)
	}
}

// countParts returns how many prefixes a subscription of the peer stands for; 0: the peer may have nothing of it.
func (p *Peer) countParts(prefix []byte) (n int) {
	p.parts(prefix, func([]byte) { n++ })
	return n
}

// Reallow calls Config.Allow for each peer again, and ends the connections of those for which it returns another set
// than before. It returns their number. When it has returned, nothing is handed over or sent that the new sets do not
// allow: what waits for such a subscriber is thrown away, as far as it has not left this host. Not to be called from a
// function of Config.
func (s *Socket) Reallow() (ended int) {
	if s.cfg.Allow == nil {
		return 0
	}
	s.allowing.Lock() // waits for what is being handed over
	defer s.allowing.Unlock()
	s.mu.Lock()
	var changed []*Peer
	for _, p := range s.peers {
		if s.cfg.Allow(p) != p.allowed {
			changed = append(changed, p)
		}
	}
	s.mu.Unlock()
	for _, p := range changed {
		if conn, ok := p.conn.(interface{ SetLinger(int) error }); ok && s.publishes() {
			conn.SetLinger(0) //nolint:errcheck // then the kernel sends what it has
		}
		p.Drop(errReallowed)
		p.outbox.close()
	}
	return len(changed)
}

// receiveAllowed is receive for an XSUB with Config.Allow. The batch was parsed by what the peer was allowed then,
// which may have changed since.
func (p *Peer) receiveAllowed(b *Batch) error {
	s := p.socket
	s.allowing.RLock()
	defer s.allowing.RUnlock()
	if s.cfg.Allow(p) != p.allowed {
		b.Release()
		return &dropError{errReallowed}
	}
	return p.receive(b)
}

// Bounds of what is logged of a peer that does what it is not allowed to.
const (
	refusalPause = 10 * time.Second // between two lines
	maxTopic     = 100              // bytes of a topic
)

// leftOut is the messages that a publisher has sent and may not publish. It is the reader's.
type leftOut struct {
	messages uint64 // since the last line in the log
	topic    []byte // of the first of them, as much as is logged
	next     time.Time
}

// refuse counts a message that the peer may not publish, and logs it now and then.
func (p *Peer) refuse(topic []byte) {
	p.socket.leftOut.Add(1)
	r := &p.leftOut
	if r.messages++; r.messages == 1 {
		r.topic = append(r.topic[:0], topic[:min(len(topic), maxTopic)]...)
	}
	if now := time.Now(); now.After(r.next) {
		r.next = now.Add(refusalPause)
		p.logRefusals()
	}
}

// logRefusals logs the messages that were refused since the last line.
func (p *Peer) logRefusals() {
	r := &p.leftOut
	if r.messages > 0 && p.socket.refusals.Write(slog.LevelWarn, "a publisher sends what it may not publish, which is left out",
		"peer", p.remote, logUser(p.User()), "topic", string(r.topic), "messages", r.messages) {
		r.messages = 0
	}
}

// refuseSubscription logs that the peer may have nothing of what it asks for.
func (p *Peer) refuseSubscription(topic []byte) {
	p.socket.refusals.Write(slog.LevelWarn, "a subscriber asks for what it may not have, and gets nothing of it",
		"peer", p.remote, logUser(p.User()), "topic", string(topic[:min(len(topic), maxTopic)]))
}

// LeftOut returns how many messages were not received because Config.Allow does not allow their publishers to publish
// them.
func (s *Socket) LeftOut() uint64 { return s.leftOut.Load() }
