package tap

import (
	"bytes"
	"context"
	"slices"
	"sync"
)

// Interest is what a reader wants.
type Interest struct {
	Topics     []string // prefixes of the first frame; none: everything
	Queue      int      // most messages that wait for the reader
	QueueBytes int      // once this many bytes wait, no further message is queued
	Returns    bool     // the reader gives back what it has taken: see Reader.Return
	Restricted bool     // the reader must learn nothing of messages with other topics, not even how many are missing

	// What the reader gets first, from what the stream remembers. It may fill the queue once, in addition to
	// what is then published.
	Last   int    // the newest messages, this many
	Resume bool   // instead: all after the message After; those that do not fit or are forgotten count as missed
	After  uint64 // a message's ID
}

// Reader takes messages out of a stream. Everything but Close is for one goroutine.
type Reader struct {
	stream   *Stream
	interest Interest
	topics   [][]byte      // the interest's: sorted, and none begins with another
	wake     chan struct{} // capacity 1

	mu       sync.Mutex
	queue    []Delivery
	recalled int // deliveries in queue, the first ones, that count neither in count nor in bytes
	count    int // messages in queue
	bytes    int
	missed   uint64 // messages after those in queue
	gap      *Gap   // after those: all gaps that did not fit into the queue, merged
}

// Delivery is the next piece of a stream: one of its fields is set.
type Delivery struct {
	Messages []Message // in a row; they must not be modified
	Missed   uint64    // how many messages the reader did not get here because it was too slow
	Gap      *Gap      // messages were lost here before they arrived in the stream

	in *parcel // the messages' memory, if it can be used again
}

// Join adds a reader, which the caller must close.
func (s *Stream) Join(in Interest) *Reader {
	r := &Reader{stream: s, interest: in, topics: distinct(in.Topics), wake: make(chan struct{}, 1)}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counters.Missed += r.recall(&s.history, s.last)
	for _, topic := range r.topics {
		s.index.Add(r, topic)
	}
	s.readers[r] = true
	return r
}

// distinct returns the topics sorted, without those that begin with another one.
func distinct(topics []string) (prefixes [][]byte) {
	if len(topics) == 0 {
		return [][]byte{nil}
	}
	for _, topic := range slices.Sorted(slices.Values(topics)) {
		if n := len(prefixes); n == 0 || !bytes.HasPrefix([]byte(topic), prefixes[n-1]) {
			prefixes = append(prefixes, []byte(topic))
		}
	}
	return prefixes
}

// wants reports whether a message's subject begins with one of the topics. Since they are distinct, only the
// greatest that does not sort after the subject can be its prefix.
func (r *Reader) wants(subject []byte) bool {
	i, found := slices.BinarySearchFunc(r.topics, subject, bytes.Compare)
	return found || (i > 0 && bytes.HasPrefix(subject, r.topics[i-1]))
}

// Close ends the reader and discards what waits for it.
func (r *Reader) Close() {
	s := r.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.readers[r] {
		return
	}
	for _, topic := range r.topics {
		s.index.Remove(r, topic)
	}
	s.index.Forget(r)
	delete(s.readers, r)
	r.mu.Lock()
	defer r.mu.Unlock()
	// A group that is cached in the index may hold the reader for a while: it must hold no messages.
	r.queue, r.count, r.bytes, r.missed, r.gap = nil, 0, 0, 0, nil
}

// recall queues what the reader wants of the past, with the gaps in their places, and returns how many
// messages it misses before that. None of this counts against the queue's limits, which apply to what is
// published from now on.
func (r *Reader) recall(h *history, last uint64) (missed uint64) {
	messages, since, missed := r.past(h, last)
	r.queue = append(r.queue, r.forgotten(h, last)...)
	if missed > 0 {
		r.queue = append(r.queue, Delivery{Missed: missed})
	}
	gaps := h.gapsSince(since)
	for _, m := range messages {
		for len(gaps) > 0 && gaps[0].after < m[0].ID {
			r.queue, gaps = append(r.queue, Delivery{Gap: r.visible(gaps[0].gap)}), gaps[1:]
		}
		r.queue = append(r.queue, Delivery{Messages: m})
	}
	for _, g := range gaps {
		r.queue = append(r.queue, Delivery{Gap: r.visible(g.gap)})
	}
	if r.recalled = len(r.queue); r.recalled > 0 {
		r.wakeUp()
	}
	return missed
}

// past returns the remembered messages that the reader asks for and that fit into its queue, the oldest
// first, one in each slice. Gaps after the message since belong to them, older ones do not. missed counts
// those that the reader asks for and that did not fit or, unless it is restricted, are forgotten.
func (r *Reader) past(h *history, last uint64) (messages [][]Message, since, missed uint64) {
	in, size, full := r.interest, 0, false
	if since = last + 1; in.Resume {
		if since = min(in.After, last); !in.Restricted {
			missed = h.forgotten(since, last)
		}
	}
	for m := range h.backwards() {
		id := m[0].ID
		if in.Resume && id <= in.After || !in.Resume && (full || len(messages) >= in.Last) {
			break
		}
		if !in.Resume {
			since = id
		}
		if !r.wants(m[0].subject()) {
			continue
		}
		// After one that did not fit, no older one is taken: it would stand before a hole that no delivery reports.
		full = full || len(messages) >= in.Queue || (len(messages) > 0 && size+m[0].load() > in.QueueBytes)
		if !full {
			messages, size = append(messages, m), size+m[0].load()
		} else if in.Resume {
			since = max(since, id)
			missed++
		}
	}
	slices.Reverse(messages)
	return messages, since, missed
}

// offer queues messages, all of which the reader wants, and returns how many of them it misses.
func (r *Reader) offer(messages []Message, in *parcel) (missed uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for n < len(messages) && r.fits() {
		r.bytes += messages[n].load()
		r.count++
		n++
	}
	if n > 0 {
		r.queue = append(r.queue, Delivery{Messages: messages[:n:n], in: in})
	}
	missed = uint64(len(messages) - n)
	r.missed += missed
	r.wakeUp()
	return missed
}

// fits reports whether another message can be queued. Once one does not fit, none does until Take empties the queue.
// Therefore the missed ones come after all that are queued. The caller holds mu.
func (r *Reader) fits() bool {
	return r.missed == 0 && r.gap == nil && r.count < r.interest.Queue && (r.count == 0 || r.bytes < r.interest.QueueBytes)
}

// full reports whether no further message can be queued.
func (r *Reader) full() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.fits()
}

// miss is offer of that many messages, for which a full reader has had no room.
func (r *Reader) miss(messages uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.missed += messages
	r.wakeUp()
}

// report queues a gap. Gaps that do not fit are merged into one, after all that is queued and missed.
func (r *Reader) report(g Gap) {
	r.mu.Lock()
	defer r.mu.Unlock()
	g = *r.visible(&g)
	if r.missed > 0 || r.gap != nil || r.count >= r.interest.Queue {
		if r.gap != nil {
			g = r.gap.and(g)
		}
		r.gap = &g
		r.wakeUp()
		return
	}
	r.queue = append(r.queue, Delivery{Gap: &g})
	r.count++
	r.wakeUp()
}

func (r *Reader) wakeUp() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Ready receives when there may be something to take.
func (r *Reader) Ready() <-chan struct{} { return r.wake }

// Take appends everything that waits to dst, in order, and removes it from the queue. It does not block.
func (r *Reader) Take(dst []Delivery) []Delivery {
	r.mu.Lock()
	defer r.mu.Unlock()
	dst = append(dst, r.queue...)
	if r.missed > 0 {
		dst = append(dst, Delivery{Missed: r.missed})
	}
	if r.gap != nil {
		dst = append(dst, Delivery{Gap: r.gap})
	}
	clear(r.queue)
	if cap(r.queue) > maxIdle {
		r.queue = nil
	}
	r.queue, r.recalled, r.count, r.bytes, r.missed, r.gap = r.queue[:0], 0, 0, 0, 0, nil
	return dst
}

// maxIdle is how many deliveries an empty queue has room for, at most.
const maxIdle = 64

// TakeSome is Take that takes no more than one delivery or one portion of about so many bytes, whichever is more: what
// is taken cannot be given up any more.
func (r *Reader) TakeSome(dst []Delivery, bytes int) []Delivery {
	r.mu.Lock()
	n := 0
	for ; n < len(r.queue) && (n == 0 || bytes > 0); n++ {
		for i := range r.queue[n].Messages {
			bytes -= r.queue[n].Messages[i].cost()
		}
	}
	if n == len(r.queue) {
		r.mu.Unlock()
		return r.Take(dst)
	}
	defer r.mu.Unlock()
	dst = append(dst, r.queue[:n]...)
	for i := range r.queue[:n] {
		switch d := &r.queue[i]; {
		case i < r.recalled:
		case d.Gap != nil:
			r.count--
		default:
			r.uncount(d.Messages)
		}
	}
	clear(r.queue[:n])
	r.queue, r.recalled = r.queue[n:], max(0, r.recalled-n)
	r.wakeUp()
	return dst
}

// Next is Take that waits until there is something. It returns dst as it is if ctx ends first.
func (r *Reader) Next(ctx context.Context, dst []Delivery) []Delivery {
	for {
		if taken := r.Take(dst); len(taken) > len(dst) {
			return taken
		}
		select {
		case <-r.wake:
		case <-ctx.Done():
			return dst
		}
	}
}
