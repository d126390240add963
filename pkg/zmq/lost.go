package zmq

import (
	"encoding/binary"
	"math"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/prefix"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmtp"
)

// A publisher that has its messages from other publishers, a hub, announces to a subscriber of version 3.1 that
// messages were lost before the publisher got them, as it announces those that the subscriber has missed (missed.go):
//
//	+---------------+------------------------------+
//	| "missing:"    | number, 8 bytes, big-endian  |     since the last such announcement; 0: not known
//	+---------------+------------------------------+
//
// The announcement comes once: at once if no message waits for the subscriber, otherwise before the next message that
// fits, or with the next heartbeat after those that wait.
const lostMark = "missing:"

// lost is what a subscriber has yet to be told.
type lost struct {
	number  uint64 // of messages
	unknown bool   // others are lost as well, and nobody knows how many
}

// Lost says that n messages, with some of these topics, were lost before they came here; n 0: nobody knows how many;
// topics nil: all. Each subscriber that gets such topics is told so. It learns the number if it gets all topics. To any
// other it would be wrong, since it counts others' messages, too. Messages that are published later were lost later.
func (s *Socket) Lost(n uint64, topics *prefix.Set) {
	if topics != nil && topics.Empty() {
		return
	}
	s.EachPeer(func(p *Peer) bool {
		switch some, all := p.gets(topics); {
		case all:
			p.outbox.lose(n)
		case some:
			p.outbox.lose(0)
		}
		return true
	})
}

// gets reports whether a subscriber gets some of these topics, and whether it gets whatever is published. topics may be
// nil: all.
func (p *Peer) gets(topics *prefix.Set) (some, all bool) {
	p.socket.audience.mu.Lock()
	defer p.socket.audience.mu.Unlock()
	if p.topics.Match(nil) && (p.allowed == nil || p.allowed.Match(nil)) {
		return true, true
	}
	if topics == nil {
		return !p.topics.Empty(), false
	}
	topics.Walk(func(prefix []byte) {
		if !some {
			p.topics.Part(prefix, func(part []byte) { some = some || p.countParts(part) > 0 })
		}
	})
	return some, false
}

// lose notes that n messages were lost before they came here; 0: an unknown number.
func (o *outbox) lose(n uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.announces {
		return
	}
	if n == 0 {
		o.lost.unknown = true
	}
	o.lost.number += min(n, math.MaxUint64-o.lost.number)
	if o.waiting == 0 {
		o.announceLost()
	}
}

// announceLost queues what was lost as commands, unless too many wait. The caller holds mu, and has made sure that no
// message waits, which they would overtake.
func (o *outbox) announceLost() {
	if o.lost != (lost{}) && len(o.control) < maxControl {
		o.appendControl(o.lost.append(nil))
		o.lost = lost{}
	}
}

// append appends a PING for the number, and one for what is not known.
func (l lost) append(dst []byte) []byte {
	if l.number > 0 {
		dst = appendAnnouncement(dst, lostMark, l.number)
	}
	if l.unknown {
		dst = appendAnnouncement(dst, lostMark, 0)
	}
	return dst
}

// appendAnnouncement appends a PING that announces a number.
func appendAnnouncement(dst []byte, mark string, n uint64) []byte {
	data := make([]byte, 2, 2+len(mark)+8) // no time-to-live: see zmtp.AppendPing
	data = append(data, mark...)
	return zmtp.AppendCommand(dst, zmtp.Ping, binary.BigEndian.AppendUint64(data, n))
}
