package zmq

import (
	"encoding/binary"
	"sync/atomic"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmtp"
)

// Question is whether a peer lives. A connection can seem to stand for hours after its peer's host has lost power or
// its network: only an answer shows that somebody is there.
type Question struct {
	peer   *Peer
	number uint64
}

// Life is what is known of a peer.
type Life int

// What an answer to a Question can be.
const (
	NotAnswered Life = iota // it has not answered yet
	Alive                   // it has answered after it was asked
	Dead                    // its side of the connection has ended, though not everything that it sent may have been read
)

var questions atomic.Uint64

// Ask sends the peer a PING, which its PONG repeats. It does not block. A peer of before ZMTP 3.1 knows no PING and
// never answers.
func (p *Peer) Ask() Question {
	q := Question{peer: p, number: questions.Add(1)}
	if p.session.commands {
		data := binary.BigEndian.AppendUint64([]byte{0, 0}, q.number) // without a time-to-live
		p.outbox.command(zmtp.AppendCommand(nil, zmtp.Ping, data))
	}
	return q
}

// Answer returns what is known by now. A peer that is held back is not read, and its PONG neither: then it counts as
// alive when its kernel has acknowledged everything that was written to it, the PING included.
func (q Question) Answer() Life {
	p := q.peer
	switch {
	case p.ponged.Load() >= q.number:
		return Alive
	case p.gone() || ended(p.conn):
		return Dead
	case p.handed.Load()%2 == 1 && p.outbox.rests() && acknowledged(p.conn):
		return Alive
	}
	return NotAnswered
}

// rests reports whether everything that was queued has been handed to the kernel.
func (o *outbox) rests() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.idle && o.waiting == 0 && len(o.control) == 0
}

// gone reports whether this side has ended the connection.
func (p *Peer) gone() bool {
	select {
	case <-p.quit:
		return true
	default:
		return false
	}
}

// answered takes a PONG's context.
func (p *Peer) answered(context []byte) {
	if len(context) == 8 {
		p.ponged.Store(max(p.ponged.Load(), binary.BigEndian.Uint64(context)))
	}
}
