package zmq

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmtp"
)

// silentIntervals is how many heartbeat intervals in a row make a peer silent.
const silentIntervals = 3

var errSilent = errors.New("silent")

// readLoop reads until the connection fails or the stream cannot be followed.
func (p *Peer) readLoop() error {
	r := p.newReceiver()
	defer r.close()
	for {
		space := r.space()
		if space == nil {
			return r.err
		}
		n, err := p.read(space, len(r.block.buf) > minBlock && !r.holding)
		if err == errIdle {
			r.idle()
			continue
		}
		if err != nil {
			return err
		}
		r.filled(n)
		for {
			batch, err := r.parse()
			if batch != nil {
				p.known(r)
				err = cmp.Or(p.handOver(batch), err)
			}
			if err != nil {
				return p.upstreamError(err)
			}
			if batch == nil {
				break
			}
		}
	}
}

// known notes that the peer has sent a whole message, and is no stranger any more.
func (p *Peer) known(r *receiver) {
	r.unfinished.Know()
	p.guest.Touch()
	if p.socket.cfg.Answered {
		p.guest.Hold()
	} else {
		p.guest.Know()
	}
}

// idleTime is how long nothing must come before a large block is given back.
const idleTime = time.Second

// errIdle is returned by read if nothing has come for idleTime.
var errIdle = errors.New("idle")

// read reads at least one byte, or returns an error if the peer is silent for too long. The time starts again
// with each call: a peer is not silent because we have not read. Nor is it silent while it takes what we write:
// in front of a slow reader, our PING waits after everything else. A PING's time-to-live knows no such excuse. If
// large is set, read returns errIdle when nothing has come for a short while.
func (p *Peer) read(space []byte, large bool) (int, error) {
	wait, ttl := p.beat, p.ttl
	if large {
		wait = shorter(wait, idleTime)
	}
	for silent := 0; ; {
		if err := p.setReadDeadline(shorter(wait, p.ttl)); err != nil {
			return 0, err
		}
		began := time.Now()
		n, err := p.conn.Read(space)
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			p.ttl = 0
			return n, err
		}
		if p.ttl > 0 {
			if p.ttl -= time.Since(began); p.ttl <= 0 {
				return 0, fmt.Errorf("%w for %v, which its PING has set as its time-to-live", errSilent, ttl)
			}
		}
		if large {
			return 0, errIdle
		}
		if silent++; p.progressing() {
			silent = 0
		}
		if silent == silentIntervals {
			return 0, fmt.Errorf("%w for %v", errSilent, silentIntervals*p.beat)
		}
	}
}

// setReadDeadline bounds the next read; 0: not at all.
func (p *Peer) setReadDeadline(wait time.Duration) error {
	if wait > 0 {
		p.timed = true
		return p.conn.SetReadDeadline(time.Now().Add(wait))
	}
	if !p.timed {
		return nil
	}
	p.timed = false
	return p.conn.SetReadDeadline(time.Time{})
}

// shorter returns the shorter of two times, of which 0 is no limit.
func shorter(a, b time.Duration) time.Duration {
	if a == 0 || b > 0 && b < a {
		return b
	}
	return a
}

// progressing reports whether the peer's kernel takes what we write: some bytes are under way, and it has
// acknowledged others since the last call. For the reader only.
func (p *Peer) progressing() bool {
	acknowledged, underway := sendProgress(p.conn)
	more := acknowledged > p.acknowledged
	p.acknowledged = acknowledged
	return more && underway
}

// command obeys a command from the peer.
func (p *Peer) command(name, data []byte) error {
	p.ttl = 0
	switch string(name) {
	case zmtp.Ping:
		p.ttl = time.Duration(zmtp.PingTTL(data)) * 100 * time.Millisecond
		p.outbox.command(zmtp.AppendCommand(nil, zmtp.Pong, zmtp.PingContext(data)))
		p.readAnnouncement(zmtp.PingContext(data))
	case zmtp.Pong:
		p.answered(data)
	case zmtp.Subscribe:
		return p.subscribe(data)
	case zmtp.Cancel:
		p.cancel(data)
	case zmtp.Error:
		return fmt.Errorf("the peer reports an error: %s", zmtp.ErrorReason(data))
	}
	return nil // unknown commands are of later versions
}
