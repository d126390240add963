package zmq

// offer is add for a published message: one that does not fit is counted as missed. first reports whether it is the
// first that was ever missed; missed is 0 or 1.
func (o *outbox) offer(frames [][]byte) (missed uint64, first bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed || o.ended {
		return 0, false
	}
	o.announce()
	if o.push(frames) {
		return 0, false
	}
	return 1, o.countMissed(1)
}

// offerRun is offer for the messages from up to end of a batch, which follow each other in its buffer, and
// wakes the writer. It copies as many as fit.
func (o *outbox) offerRun(b *Batch, from, end int) (missed uint64, first bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed || o.ended {
		return 0, false
	}
	o.announce()
	for from < end && !o.full {
		room := o.limits.bytes() + o.replayedBytes - o.bytes
		n := b.fit(from, min(end, from+o.limits.hwm+o.replayed-o.queued), room, o.encrypts)
		if n = o.roomFor(b, from, from+n); n == 0 {
			break
		}
		before := len(o.messages)
		o.messages = b.appendRaw(o.messages, from, from+n, o.encrypts)
		o.appended(n, len(o.messages)-before)
		from += n
	}
	o.wakeWriter()
	if from == end {
		return 0, false
	}
	missed = uint64(end - from)
	return missed, o.countMissed(missed)
}

// replay adds a message in addition to the outbox's normal limits. It returns false if the room for replays is
// used up or the outbox accepts no more.
func (o *outbox) replay(frames [][]byte) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed || o.ended || o.replayedBytes >= o.limits.bytes() {
		return false
	}
	o.makeRoomAnyhow(o.messageSize(frames)) // replayRoom has counted on it
	o.announce()
	before := len(o.messages)
	o.appendMessage(frames)
	size := len(o.messages) - before
	o.waiting++
	o.queued++
	o.bytes += size
	o.replayed++
	o.replayedBytes += size
	return true
}

// replayRoom returns how many bytes replay accepts now. While it is positive, one message of any length fits.
func (o *outbox) replayRoom() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return min(o.limits.bytes()-o.replayedBytes, o.limits.left())
}
