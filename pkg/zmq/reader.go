package zmq

import (
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
	r := newReceiver(p.socket.cfg.MaxMessage, p.socket.cfg.Batch)
	r.peer, r.command, r.cuts, r.cut = p, p.command, true, p.cut
	switch p.socket.cfg.Type {
	case Pub, XPub:
		r.cuts = false
	case Sub:
		r.wanted = &p.socket.wanted
	case Dealer, Router:
		r.probed = true
	case XSub:
		r.raw = true // for Forward
	}
	defer func() { r.block.release() }()
	for {
		n, err := p.read(r.space())
		if err != nil {
			return err
		}
		r.filled(n)
		for {
			batch, err := r.parse()
			if batch != nil {
				p.handOver(batch)
			}
			if err != nil {
				return err
			}
			if batch == nil {
				break
			}
		}
	}
}

// read reads at least one byte, or returns an error if the peer is silent for too long. The time starts again
// with each call: a peer is not silent because we have not read. Nor is it silent while it takes what we write:
// in front of a slow reader, our PING waits after everything else.
func (p *Peer) read(space []byte) (int, error) {
	if p.beat == 0 {
		return p.conn.Read(space)
	}
	for silent := 0; ; {
		if err := p.conn.SetReadDeadline(time.Now().Add(p.beat)); err != nil {
			return 0, err
		}
		n, err := p.conn.Read(space)
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		if silent++; p.progressing() {
			silent = 0
		}
		if silent == silentIntervals {
			return 0, fmt.Errorf("%w for %v", errSilent, silentIntervals*p.beat)
		}
	}
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
	switch string(name) {
	case zmtp.Ping:
		p.outbox.command(zmtp.AppendCommand(nil, zmtp.Pong, zmtp.PingContext(data)))
		p.readMissed(zmtp.PingContext(data))
	case zmtp.Subscribe:
		return p.subscribe(data)
	case zmtp.Cancel:
		p.cancel(data)
	case zmtp.Error:
		return fmt.Errorf("the peer reports an error: %s", zmtp.ErrorReason(data))
	}
	return nil // PONG has shown that the peer lives; unknown commands are of later versions
}
