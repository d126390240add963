package zmq

import (
	"log/slog"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmtp"
)

// Publish gives a message, one frame or more, to every peer that has subscribed to a prefix of its first frame. A
// peer whose queue is full misses the message, which is counted; nobody waits. It wakes no writer that has room
// left in its queue: Flush does. The frames are copied.
func (s *Socket) Publish(frames ...[]byte) {
	if slow := s.publish(frames); slow != nil {
		s.tooSlow(slow)
	}
}

func (s *Socket) tooSlow(p *Peer) {
	s.slow.log(slog.LevelWarn, "a subscriber is too slow and misses messages", "peer", p.remote, "hwm", s.cfg.HWM)
}

// publish returns a peer that has begun to miss messages, if there is one.
func (s *Socket) publish(frames [][]byte) (slow *Peer) {
	s.audience.mu.Lock()
	defer s.audience.mu.Unlock()
	for _, p := range s.audience.index.Of(frames[0]).Members {
		if p.offer(frames) {
			slow = p
		}
	}
	return slow
}

// offer queues a message that the peer has subscribed to. When the queue is full the peer misses it; first tells that it has missed none before.
func (p *Peer) offer(frames [][]byte) (first bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.sealed {
		return false
	}
	p.tell()
	if p.push(frames) {
		return false
	}
	return p.miss(1)
}

// Forward publishes what a batch holds, as it is, as Publish would one message after the other, but all that goes to the same peers at
// once, and wakes the writers. An XSUB's batches are copied as the bytes that came; the batch stays the caller's.
func (s *Socket) Forward(b *Batch) {
	var slow *Peer
	s.audience.mu.Lock()
	for i := 0; i < b.Len(); {
		group := s.audience.index.Of(b.Frames(i)[0])
		end := i + 1
		for end < b.Len() && b.follows(end) && s.audience.index.Of(b.Frames(end)[0]) == group {
			end++
		}
		for _, p := range group.Members {
			if p.offerRun(b, i, end) {
				slow = p
			}
		}
		i = end
	}
	s.audience.mu.Unlock()
	if slow != nil {
		s.tooSlow(slow)
	}
}

// offerRun is offer for messages that follow each other in a batch, and wakes the writer.
func (p *Peer) offerRun(b *Batch, from, end int) (first bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.sealed {
		return false
	}
	p.tell()
	for from < end && !p.full {
		n := b.fit(from, min(end, from+p.socket.cfg.HWM+p.extra-p.queued), p.socket.QueueBytes()+p.extraBytes-p.bytes)
		before := len(p.out)
		p.out = b.appendRaw(p.out, from, from+n)
		p.outCount += n
		p.queued += n
		p.bytes += len(p.out) - before
		from += n
		p.filled()
	}
	p.wakeWriter()
	return from < end && p.miss(uint64(end-from))
}

// follows tells that message i came directly behind the one before it, both as bytes that can be passed on as they are.
func (b *Batch) follows(i int) bool {
	return i < len(b.raw) && b.raw[i-1].to == b.raw[i].from && b.raw[i].to > 0
}

// fit is how many of the messages from from up to end have size bytes at most together, and at least 1.
func (b *Batch) fit(from, end, size int) int {
	if from >= len(b.raw) || b.raw[end-1].to-b.raw[from].from <= size {
		return end - from
	}
	n := 1
	for from+n < end && b.raw[from+n].to-b.raw[from].from <= size {
		n++
	}
	return n
}

// appendRaw appends messages that follow each other, as they travel.
func (b *Batch) appendRaw(dst []byte, from, end int) []byte {
	if from < len(b.raw) && b.raw[from].to > 0 {
		return append(dst, b.block.buf[b.raw[from].from:b.raw[end-1].to]...)
	}
	return zmtp.AppendMessage(dst, b.Frames(from)...)
}

// ReplayRoom is how many bytes of messages Replay takes now, besides what waits to be sent: one message always fits if it is not 0 or less.
func (p *Peer) ReplayRoom() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.socket.QueueBytes() - p.extraBytes
}

// Replay queues a message for one peer alone, besides what its high-water mark and the bytes of its queue let in, and not instead of it. It does not
// block, and wakes no writer that has room left in its queue. It returns false when ReplayRoom is no more, or the peer is at its end.
func (p *Peer) Replay(frames ...[]byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.sealed || p.extraBytes >= p.socket.QueueBytes() {
		return false
	}
	p.tell()
	before := len(p.out)
	p.out = zmtp.AppendMessage(p.out, frames...)
	size := len(p.out) - before
	p.outCount++
	p.queued++
	p.bytes += size
	p.extra++
	p.extraBytes += size
	return true
}

// Miss counts messages that a peer wants and its owner cannot replay, and tells it so before the next that it gets.
func (p *Peer) Miss(n uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.miss(n)
}
