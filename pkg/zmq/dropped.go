package zmq

import (
	"bytes"
	"encoding/binary"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmtp"
)

// A publisher tells a subscriber of version 3.1 how many messages it has dropped for it, in the context of a PING, which RFC 37 leaves to
// the sender and every peer echoes without a look:
//
//	+---------------+------------------------------+
//	| "dropped:"    | number, 8 bytes, big endian  |     since the connection began
//	+---------------+------------------------------+
//
// It does so before the first message that the subscriber gets after a gap, and with each heartbeat.
const droppedMark = "dropped:"

// miss counts messages that the peer misses. first tells that it has missed none before. The caller holds mu.
func (p *Peer) miss(n uint64) (first bool) {
	first = p.dropped == 0
	p.dropped += n
	p.socket.dropped.Add(n)
	return first
}

// tell queues, before the next message, the news of those that the peer has missed. The caller holds mu.
func (p *Peer) tell() {
	if p.full || p.told == p.dropped {
		return
	}
	p.told = p.dropped
	if !p.session.commands {
		return
	}
	before := len(p.out)
	p.out = appendDropped(p.out, p.dropped)
	p.bytes += len(p.out) - before
}

// ping queues a heartbeat, with the same news for who has subscribed: unless messages wait, of which some were published before those that
// were missed. Their news comes behind them.
func (p *Peer) ping() {
	p.mu.Lock()
	dropped := p.dropped
	if p.outCount > 0 {
		dropped = 0
	}
	p.mu.Unlock()
	if dropped == 0 {
		p.appendControl(zmtp.AppendPing(nil))
		return
	}
	p.appendControl(appendDropped(nil, dropped))
}

func appendDropped(dst []byte, n uint64) []byte {
	data := make([]byte, 2, 2+len(droppedMark)+8) // no time-to-live: see zmtp.AppendPing
	data = append(data, droppedMark...)
	return zmtp.AppendCommand(dst, zmtp.Ping, binary.BigEndian.AppendUint64(data, n))
}

// hear reads the news from a publisher's PING.
func (p *Peer) hear(context []byte) {
	number, found := bytes.CutPrefix(context, []byte(droppedMark))
	if !found || len(number) != 8 || p.socket.cfg.OnMissed == nil || (p.socket.cfg.Type != Sub && p.socket.cfg.Type != XSub) {
		return
	}
	if n := binary.BigEndian.Uint64(number); n > p.missed {
		p.socket.cfg.OnMissed(p, n-p.missed)
		p.missed = n
	}
}

// Dropped is the number of messages that this subscriber was too slow to get.
func (p *Peer) Dropped() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dropped
}

// Dropped is the number of messages that subscribers were too slow to get, those that are gone included.
func (s *Socket) Dropped() uint64 { return s.dropped.Load() }
