package zmq

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmtp"
)

// overhead bounds what a message has besides the bytes of its frames: their headers, and commands between them.
const overhead = 40 << 10

// longest is the size of a block that holds any unfinished message.
func (r *receiver) longest() int { return r.maxMessage + overhead }

// least returns the size of the smallest block for n bytes of an unfinished message and more of them. It grows with
// the bytes that have arrived.
func (r *receiver) least(n int) int {
	size := minBlock
	if n < minBlock-minBlock/4 {
		return size
	}
	for size < 2*n {
		size *= 2
	}
	if longest := r.longest(); n < longest {
		size = min(size, longest)
	}
	return size
}

// next returns the block in which to go on with n bytes of an unfinished message: one of the size that r would like,
// or a smaller one if memory is short. It waits for memory only if the message does not fit into the smallest. It
// returns nil if there is none better than the present one, or if the connection has ended meanwhile.
func (r *receiver) next(n int) *block {
	least := r.least(n)
	for size := max(r.size, least); size > least; size = max(size/4, least) {
		if present := len(r.block.buf); r.read == 0 && size <= present && present < r.size {
			return nil
		}
		if r.try(n, size) {
			return newBlock(size).pay(r.memory)
		}
	}
	if least == minBlock {
		if r.read == 0 && len(r.block.buf) == minBlock {
			return nil
		}
		r.settle() // what has come of the message is held for nothing
		return newBlock(minBlock)
	}
	if r.memory != nil {
		if !r.holding && r.block.paid != nil { // what waits holds what it has
			r.memory.Hold(&r.unfinished, blockCost(len(r.block.buf)))
			r.holding = true
		}
		if r.err = r.memory.Wait(&r.unfinished, blockCost(least)); r.err != nil {
			return nil
		}
		r.holding, r.leading = true, r.memory.Leads(&r.unfinished)
	}
	return newBlock(least).pay(r.memory)
}

// try takes the cost of a block of size bytes if there is memory. n is the number of bytes to be moved into it.
func (r *receiver) try(n, size int) bool {
	switch {
	case r.memory == nil || size == minBlock:
		return true
	case n < minBlock-minBlock/4:
		return r.memory.Take(blockCost(size))
	}
	taken := r.memory.Try(&r.unfinished, blockCost(size))
	r.holding = r.holding || taken
	return taken
}

// settle notes that the unfinished message is whole, or is none any more.
func (r *receiver) settle() {
	if r.holding {
		r.memory.Finish(&r.unfinished)
		r.holding, r.leading = false, false
	}
}

// idle gives memory back when nothing has come for a while. What an unfinished message holds counts as held from now
// on.
func (r *receiver) idle() {
	rest := r.read - r.start
	switch {
	case r.least(rest) == minBlock:
		r.resize(minBlock)
		r.move()
	case r.memory != nil && !r.holding:
		r.memory.Hold(&r.unfinished, blockCost(len(r.block.buf)))
		r.holding = true
	}
}

// close gives back what is left.
func (r *receiver) close() {
	r.settle()
	r.resize(minBlock)
	r.block.release()
}

// newReceiver returns what turns the peer's bytes into batches, as its socket's type wants them.
func (p *Peer) newReceiver() *receiver {
	cfg := &p.socket.cfg
	r := newReceiver(cfg.MaxMessage, cfg.Batch)
	r.peer, r.command, r.memory = p, p.command, &cfg.Budget.In
	r.cuts, r.cut = true, p.cut
	if keys := p.session.keys; keys != nil {
		r.sealed = newOpening(&keys.Opener)
	}
	r.unfinished.Drop, r.unfinished.Quit = p.Drop, p.quit
	r.unfinished.Gone = p.heldBack
	r.unfinished.Slow = p.waitsForMemory
	switch cfg.Type {
	case Sub:
		r.wanted = &p.socket.wanted
	case XSub:
		r.raw = true // for Forward
		r.wanted, r.refuse = p.allowed, p.refuse
	case Dealer, Router:
		r.probed = true
	case Pub, XPub, Push:
		r.cuts = false
		r.maxMessage, r.most = min(cfg.MaxMessage, maxUpstream), 4*minBlock
	}
	return r
}

// upstreamError says what a peer of a socket that only sends may send.
func (p *Peer) upstreamError(err error) error {
	switch p.socket.cfg.Type {
	case Pub, XPub, Push:
		if errors.As(err, new(*zmtp.TooLongError)) {
			return fmt.Errorf("a %s socket is sent nothing but subscriptions of at most %d bytes: %w",
				p.socket.cfg.Type, min(p.socket.cfg.MaxMessage, maxUpstream), errors.Unwrap(err))
		}
	}
	return err
}

// waitsForMemory logs that the peer's message waits.
func (p *Peer) waitsForMemory(bytes, all int) {
	p.socket.dropped.Write(slog.LevelWarn, "a message waits for memory: what is being received holds all of it",
		"peer", p.remote, "needs", bytes, "limit", all, "advice", "raise --max-memory if it is legitimate")
}
