package zmq

import (
	"encoding/binary"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/curve"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmtp"
)

// A publisher announces to a subscriber of version 3.1 how many messages that subscriber has missed, in the
// context of a PING. RFC 37 leaves the context to the sender, and every peer echoes it unread:
//
//	+---------------+------------------------------+
//	| "dropped:"    | number, 8 bytes, big-endian  |     since the connection began
//	+---------------+------------------------------+
//
// The announcement precedes the first message after a gap, and goes out with each heartbeat.
const missedMark = "dropped:"

// miss counts n messages as missed.
func (o *outbox) miss(n uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.countMissed(n)
}

// countMissed is miss with mu held by the caller. first reports whether none had been missed before.
func (o *outbox) countMissed(n uint64) (first bool) {
	first = o.missed == 0
	o.missed += n
	return first
}

// announce queues the number of missed messages, and of those that were lost before, before the next message, if the
// peer does not know it yet and there is room for a message. The caller holds mu.
func (o *outbox) announce() {
	if o.full || (o.announced == o.missed && o.lost == lost{}) {
		return
	}
	announcement := o.lost.append(nil)
	if o.announced < o.missed {
		announcement = appendMissed(announcement, o.missed)
	}
	o.announced, o.lost = o.missed, lost{}
	if !o.announces {
		return
	}
	before := len(o.messages)
	if o.encrypts {
		o.messages = curve.AppendFrames(o.messages, announcement)
	} else {
		o.messages = append(o.messages, announcement...)
	}
	o.bytes += len(o.messages) - before
}

// ping queues a heartbeat. It announces the missed messages, too, unless messages wait: some of those were
// published before the missed ones, and the announcement must come after them.
func (o *outbox) ping() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.waiting == 0 {
		o.announceLost()
	}
	if o.missed == 0 || o.waiting > 0 {
		o.appendControl(zmtp.AppendPing(nil))
		return
	}
	o.appendControl(appendMissed(nil, o.missed))
}

// totalMissed returns how many messages were missed.
func (o *outbox) totalMissed() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.missed
}

// appendMissed appends a PING that announces n missed messages.
func appendMissed(dst []byte, n uint64) []byte {
	return appendAnnouncement(dst, missedMark, n)
}

// readAnnouncement reads an announcement from the context of a publisher's PING, if it is one.
func (p *Peer) readAnnouncement(context []byte) {
	const size = len(missedMark)
	cfg := &p.socket.cfg
	if len(context) != size+8 || (cfg.Type != Sub && cfg.Type != XSub) {
		return
	}
	if p.allowed != nil && p.allowed.Empty() {
		return // it has nothing to miss
	}
	switch n := binary.BigEndian.Uint64(context[size:]); string(context[:size]) {
	case missedMark:
		if cfg.OnMissed != nil && n > p.reported {
			cfg.OnMissed(p, n-p.reported)
			p.reported = n
		}
	case lostMark:
		if cfg.OnLost != nil {
			cfg.OnLost(p, n)
		}
	}
}

// Miss counts n messages that the peer wants and its owner cannot replay. They are announced to the peer before the
// next message that it gets.
func (p *Peer) Miss(n uint64) {
	p.outbox.miss(n)
	p.socket.missed.Add(n)
}

// Dropped returns how many messages this subscriber has missed.
func (p *Peer) Dropped() uint64 { return p.outbox.totalMissed() }

// Dropped returns how many messages subscribers have missed, including those that are gone.
func (s *Socket) Dropped() uint64 { return s.missed.Load() }
