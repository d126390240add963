package zmq

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/budget"
)

// queueLimits limits the outboxes of one socket.
type queueLimits struct {
	hwm   int           // messages in one outbox
	peers atomic.Int32  // that share out
	out   *budget.Share // what larger buffers than the smallest are paid from
}

// bytes returns how many bytes one outbox accepts at the moment. Half of the memory is shared equally, because an
// outbox's buffers may take twice its bytes.
func (l *queueLimits) bytes() int {
	return min(maxQueueBytes, max(minQueueBytes, l.out.Limit()/2/max(1, int(l.peers.Load()))))
}

// scarce reports whether the peers are so many that none may have the largest queue. Where they are few, each keeps its
// buffers for a while: new ones, while the old ones are garbage, would take more memory than is given back.
func (l *queueLimits) scarce() bool { return l.bytes() < maxQueueBytes }

// left returns how many bytes of memory one more large message may count on.
func (l *queueLimits) left() int { return max(0, l.out.Limit()-l.out.Used()) / 2 }

// bufferCost is what a buffer takes of the budget. The smallest is part of its connection's cost.
func bufferCost(capacity int) int {
	if capacity <= minBlock {
		return 0
	}
	return capacity
}

// account makes what is paid equal to what the buffers take. The caller holds mu.
func (o *outbox) account() {
	cost := bufferCost(cap(o.messages)) + bufferCost(cap(o.spare)) + bufferCost(cap(o.control)) + o.writing
	switch {
	case cost > o.paid:
		o.limits.out.Overdraw(cost - o.paid)
	case cost < o.paid:
		o.limits.out.Give(o.paid - cost)
	}
	o.paid = cost
}

// growth is how many times as large the next buffer is. What the present ones take is garbage then.
const growth = 4

// makeRoom makes room for n more bytes of messages. It returns false if there is no memory, and notifies the writer
// then. The caller holds mu.
func (o *outbox) makeRoom(n int) bool {
	need := len(o.messages) + n
	if need <= cap(o.messages) {
		return true
	}
	most := o.limits.bytes() + o.replayedBytes + n // more is never in it: see appended
	for _, size := range [...]int{rounded(max(need, min(growth*cap(o.messages), most))), rounded(need)} {
		more := bufferCost(size) - bufferCost(cap(o.messages))
		if o.limits.out.Take(more) {
			o.paid += more
			o.enlarge(size)
			return true
		}
	}
	if !o.denied {
		o.denied = true
		o.wakeWriter()
	}
	o.full = o.queued > 0 // as if it were: see outbox
	return false
}

// makeRoomAnyhow is makeRoom for what must not be refused.
func (o *outbox) makeRoomAnyhow(n int) {
	if need := len(o.messages) + n; need > cap(o.messages) {
		o.enlarge(rounded(max(need, 2*cap(o.messages))))
		o.account()
	}
}

// rounded returns the capacity of a buffer for n bytes.
func rounded(n int) int { return (n + minBlock - 1) / minBlock * minBlock }

func (o *outbox) enlarge(size int) {
	o.messages = append(make([]byte, 0, size), o.messages...)
}

// roomFor makes room for the messages from up to end of a batch, which follow each other, or for as many as fit into
// the memory that there is. It returns their number. The caller holds mu.
func (o *outbox) roomFor(b *Batch, from, end int) (n int) {
	if o.makeRoom(b.wireSize(from, end, o.encrypts)) {
		return end - from
	}
	n = b.fit(from, end, cap(o.messages)-len(o.messages), o.encrypts)
	if b.wireSize(from, from+n, o.encrypts) > cap(o.messages)-len(o.messages) {
		return 0
	}
	return n
}

// discard gives the memory back that the writer has held. The writer has ended.
func (o *outbox) discard() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.writing = 0
	o.account()
}

// shrink gives back what no message is in.
func (o *outbox) shrink() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.spare = nil
	if len(o.messages) == 0 {
		o.messages = nil
	}
	o.account()
}

// holds returns how many bytes the buffers take.
func (o *outbox) holds() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.paid
}

// relieve ends a connection because p has found no memory: that of the peer with the most memory in its queue, more
// than its share, among those that have connected to us and take nothing. Most often there is none: then p has to do
// with less.
func (s *Socket) relieve(p *Peer) {
	s.mu.Lock()
	var stuck *Peer
	most := s.limits.bytes()
	for _, other := range s.peers {
		if other == p || other.dialled != "" || !other.stuck(s.cfg.stuck) {
			continue
		}
		if held := other.outbox.holds(); held > most {
			stuck, most = other, held
		}
	}
	s.mu.Unlock()
	if stuck != nil {
		stuck.Drop(fmt.Errorf("its queue has held %d bytes without its reading any while others wait for memory, "+
			"of which there are %d bytes for all that is sent (raise --max-memory if that is legitimate)",
			most, s.limits.out.Limit()))
	}
}

// stuck reports whether the peer has taken nothing for so long.
func (p *Peer) stuck(long time.Duration) bool {
	since := p.writing.Load()
	return since > 0 && time.Since(p.began)-time.Duration(since) >= long
}
