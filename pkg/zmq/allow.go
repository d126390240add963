package zmq

import (
	"fmt"
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

// errReallowed is why Reallow ends a connection.
func (p *Peer) errReallowed() error {
	return fmt.Errorf("--curve-topics has changed what %s may publish or subscribe to", p.User())
}

// Allowed returns what Config.Allow has returned for the peer; nil: everything. Not to be modified.
func (p *Peer) Allowed() *prefix.Set { return p.allowed }

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
		p.Drop(p.errReallowed())
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
		return &dropError{p.errReallowed()}
	}
	return p.receive(b)
}

// Bounds of what is logged of a peer that does what it is not allowed to.
const (
	refusalPause = 10 * time.Second // between two lines
	maxTopic     = 100              // bytes of a topic
)

// disallowed is the messages that a publisher has sent and may not publish, or the subscriptions of a subscriber of
// which it may have nothing. It is the reader's.
type disallowed struct {
	number uint64 // since the last line in the log
	topic  []byte // of the first of them, as much as is logged
	next   time.Time
}

// refuse counts a message that the peer may not publish, or a subscription of which it may have nothing, and logs the
// first one at once, and others now and then.
func (p *Peer) refuse(topic []byte) {
	if p.asks {
		p.socket.leftOut.Add(1)
	}
	r := &p.refused
	if r.number++; r.number == 1 {
		r.topic = append(r.topic[:0], topic[:min(len(topic), maxTopic)]...)
	}
	if now := time.Now(); now.After(r.next) {
		r.next = now.Add(refusalPause)
		p.logRefusals()
	}
}

// logRefusals logs what was refused since the last line.
func (p *Peer) logRefusals() {
	r := &p.refused
	if r.number == 0 {
		return
	}
	text, counted := "a subscriber asks for what --curve-topics does not let it have, and gets nothing of it", "subscriptions"
	if p.asks {
		text, counted = "a publisher sends what --curve-topics does not let it publish, which is left out", "messages"
	}
	if p.socket.refusals.Write(slog.LevelWarn, text, "peer", p.remote, logUser(p.User()), "topic", string(r.topic), counted, r.number) {
		r.number = 0
	}
}

// logUseless logs a publisher that may publish nothing. As it is asked for nothing, most never send what could be
// refused.
func (p *Peer) logUseless() {
	if p.asks && p.allowed != nil && p.allowed.Empty() {
		p.socket.refusals.Write(slog.LevelWarn, "a publisher is asked for nothing, because --curve-topics lets it publish nothing",
			"peer", p.remote, logUser(p.User()))
	}
}

// LeftOut returns how many messages were not received because Config.Allow does not allow their publishers to publish
// them.
func (s *Socket) LeftOut() uint64 { return s.leftOut.Load() }
