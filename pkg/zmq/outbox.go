package zmq

import (
	"sync"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/curve"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmtp"
)

// Bounds of outboxes, in bytes.
const (
	// maxQueueBytes bounds one outbox, whatever HWM allows. A message is accepted while fewer bytes are queued,
	// so that one message of any length always fits. It keeps a thousand long messages from taking a gigabyte.
	maxQueueBytes = 4 << 20
	// minQueueBytes bounds one outbox where many peers share the memory.
	minQueueBytes = 16 << 10
	// maxControl bounds the commands that wait to be written. A peer that floods us with PING without reading the
	// answers gets no further ones.
	maxControl = 4 << 10
)

// outbox is a peer's queue of outgoing messages and commands, encoded. Any goroutine may add to it; only the peer's
// writer calls take and wrote. It does no I/O.
//
// A full outbox accepts no message until half of its limits is free again, so that a slow peer gets long runs
// with gaps between them rather than every other message.
type outbox struct {
	limits    *queueLimits
	announces bool          // the peer understands PING, which announces missed messages (missed.go)
	encrypts  bool          // messages are encoded so that they can be sealed where they lie (CURVE)
	wake      chan struct{} // capacity 1; the writer waits for it when take has returned nothing

	mu        sync.Mutex
	messages  []byte // encoded messages that the writer has not taken yet
	waiting   int    // number of messages in messages
	queued    int    // number of messages that wait or are being written
	writing   int    // what the buffers cost that the writer has taken
	paid      int    // bytes of the budget that the buffers have taken: see account
	bytes     int    // their size
	written   uint64 // messages that the kernel has taken whole
	missed    uint64 // messages that were published for this peer and did not fit
	announced uint64 // the number of missed messages that the peer knows of
	lost      lost   // before they came here, which the peer does not know yet

	// Replayed messages among the queued ones. They do not count towards the limits.
	replayed, replayedBytes int

	control []byte // encoded commands; they are written before messages
	spare   []byte // an empty buffer for messages
	small   int    // see recycle

	full    bool // no message is accepted until half of what is queued has been written
	idle    bool // the writer waits for wake
	denied  bool // a message found no memory, and the writer has not been told
	parting bool // no new message is accepted, but replays and commands are: the peer's member has left
	ended   bool // nothing is accepted; the writer writes what is queued and then ends our side of the connection
	closed  bool // nothing is accepted or written
}

// portion is what a writer takes at once.
type portion struct {
	control, messages []byte
	count             int  // number of messages
	last              bool // nothing comes after it
	denied            bool // a message has found no memory
	large             bool // the outbox has a buffer that is worth giving back if it is not used for a while
	closed            bool // there is nothing to write any more
}

func (w *portion) empty() bool { return w.count == 0 && len(w.control) == 0 }

// add copies a message of one frame or more. It returns false if the outbox is full or accepts no more. It
// wakes the writer if wake is set or the outbox is full now.
func (o *outbox) add(frames [][]byte, wake bool) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.push(frames) {
		return false
	}
	if wake {
		o.wakeWriter()
	}
	return true
}

// push is add with mu held by the caller, and never wakes the writer of an outbox that is not full.
func (o *outbox) push(frames [][]byte) bool {
	if o.full || o.ended || o.closed || o.parting || !o.makeRoom(o.messageSize(frames)) {
		return false
	}
	before := len(o.messages)
	o.appendMessage(frames)
	o.appended(1, len(o.messages)-before)
	return true
}

// messageSize returns how many bytes appendMessage appends at most.
func (o *outbox) messageSize(frames [][]byte) int {
	size := zmtp.MessageSize(frames...)
	if o.encrypts {
		size += curve.Overhead * len(frames)
	}
	return size
}

// appendMessage encodes a message. The caller holds mu and has made room.
func (o *outbox) appendMessage(frames [][]byte) {
	if o.encrypts {
		o.messages = curve.AppendMessage(o.messages, frames...)
	} else {
		o.messages = zmtp.AppendMessage(o.messages, frames...)
	}
}

// appended accounts for n messages that have been appended. If the outbox is full now it wakes the writer: a
// caller that waits for room must not depend on a Flush that is never called. The caller holds mu.
func (o *outbox) appended(n, size int) {
	o.waiting += n
	o.queued += n
	o.bytes += size
	if o.queued >= o.limits.hwm+o.replayed || o.bytes >= o.limits.bytes()+o.replayedBytes {
		o.full = true
		o.wakeWriter()
	}
}

// command queues an encoded command, unless the peer does not read those that it was sent.
func (o *outbox) command(command []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.appendControl(command)
}

// appendControl is command with mu held by the caller.
func (o *outbox) appendControl(command []byte) {
	if o.ended || o.closed || len(o.control) >= maxControl {
		return
	}
	o.control = append(o.control, command...)
	o.wakeWriter()
}

// request queues encoded subscriptions, which are never left out. Later changes of them go another way: see requests.
func (o *outbox) request(subscriptions []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.ended && !o.closed {
		o.control = append(o.control, subscriptions...)
		o.wakeWriter()
	}
}

// flush wakes the writer if messages wait.
func (o *outbox) flush() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.waiting > 0 {
		o.wakeWriter()
	}
}

// wakeWriter wakes the writer if it waits. The caller holds mu.
func (o *outbox) wakeWriter() {
	if !o.idle {
		return
	}
	o.idle = false
	select {
	case o.wake <- struct{}{}:
	default: // an earlier wake-up has not been received yet and serves as well
	}
}

// waits reports whether there is something to take.
func (o *outbox) waits() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.waiting > 0 || len(o.control) > 0
}

// take takes everything that waits. If it returns nothing, the writer must wait for wake.
func (o *outbox) take() (w portion) {
	o.mu.Lock()
	defer o.mu.Unlock()
	w.last, w.closed, w.denied, w.large = o.ended, o.closed, o.denied, o.paid > 0
	o.denied = false
	o.idle = o.waiting == 0 && len(o.control) == 0
	if !o.idle && !o.closed {
		w.control, w.messages, w.count = o.control, o.messages, o.waiting
		o.control, o.messages, o.waiting = nil, o.spare, 0
		o.spare = nil
		o.writing = bufferCost(cap(w.control)) + bufferCost(cap(w.messages))
		o.account()
	}
	return w
}

// wrote accounts for a portion that the kernel has taken whole, and takes its buffer back.
func (o *outbox) wrote(w portion) {
	o.mu.Lock()
	defer o.mu.Unlock()
	size := len(w.messages)
	o.queued -= w.count
	o.bytes -= size
	o.written += uint64(w.count)
	o.replayed, o.replayedBytes = max(0, o.replayed-w.count), max(0, o.replayedBytes-size)
	if o.full && o.queued <= o.limits.hwm/2 && o.bytes <= o.limits.bytes()/2 {
		o.full = false
	}
	if !o.closed {
		o.spare = recycle(w.messages, &o.small, o.limits.scarce())
	}
	o.writing = 0
	o.account()
}

// recycle returns a written buffer, emptied for its next use, or nil to give back the memory that a burst took:
// at once if the buffer is very large and memory is scarce, otherwise after enough writes in a row that a much smaller
// one would have held. small counts those.
func recycle(written []byte, small *int, scarce bool) []byte {
	switch {
	case scarce && cap(written) > 4*maxBlock && len(written) < cap(written)/4:
		return nil
	case cap(written) <= minBlock || len(written) > cap(written)/wasted:
		*small = 0
	default:
		if *small++; *small == enough {
			*small = 0
			return nil
		}
	}
	return written[:0]
}

// part wakes the writer: the caller that added messages may have meant to add more before flush. If refuse is set, no
// further message is accepted. It returns how many messages are queued and how many were written.
func (o *outbox) part(refuse bool) (queued int, written uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.parting = refuse
	if o.waiting > 0 {
		o.wakeWriter()
	}
	return o.queued, o.written
}

// end ends the accepting. The writer writes what is queued.
func (o *outbox) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended = true
	o.wakeWriter()
}

// close ends accepting and writing, and gives the memory back: the peer may be remembered for a while.
func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	o.messages, o.control, o.spare = nil, nil, nil
	o.account()
	o.wakeWriter()
}

// state returns how many messages are queued and how many were written, and reports whether the outbox is closed.
func (o *outbox) state() (queued int, written uint64, closed bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.queued, o.written, o.closed
}
