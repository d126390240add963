package redis

import (
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

// Redis ends the connection at an argument of more than its proto-max-bulk-len or client-query-buffer-limit. The error
// that it gives is mostly lost, because it has not read the rest. The longest text of those that were sent is therefore
// halved when Redis has said so, or when two connections in a row have ended and Redis was there in between. Redis 8.0
// and Valkey 8.1 count all commands of a transaction for client-query-buffer-limit. So messages are sent without
// transactions before anything is cut; if that helps, such large ones are not tried again.

// leastBulk is the bytes that Redis always takes: the least that both can be set to (Redis's config.c), 1 MiB, without
// what else may be in the query buffer.
const leastBulk = 1<<20 - 32<<10

// tellPause is the least time between two log lines about messages that were cut.
const tellPause = time.Minute

type oversize struct {
	ended  int            // sessions that have ended one after the other
	opened uint64         // client.opened when one had ended
	cuts   map[int][]byte // the texts of the part in hand that are cut, as they were
	untold int            // messages that were stored cut and not logged
	told   time.Time      // when one was
	alone  int            // bytes of the largest transaction that is tried without one; 0: none
}

// Truncated returns how many messages were cut because Redis takes none that are longer. It may be called at any time.
func (w *Writer) Truncated() uint64 { return w.truncated.Load() }

// cut halves the longest text that is not stored, if that can be the cause of the trouble. It returns false when the
// trouble must be waited for.
func (w *Writer) cut(trouble *fault) bool {
	o := &w.over
	if !trouble.tooLong && !trouble.ended {
		w.restore() // it was away, or will be: that may have ended the connections
		return false
	}
	opened := w.client.opened.Load()
	if o.ended++; opened == o.opened { // there was no session
		o.ended = 0
	}
	if o.opened = opened; o.ended < 2 && !trouble.tooLong {
		return false
	}
	if w.avoidTransactions() {
		return true
	}
	if i := w.longest(); len(w.texts[i]) > leastBulk && w.halve(i) {
		return true
	}
	w.restore() // no text was the cause
	return false
}

// halve cuts text i to half of its bytes. It returns false when it does not get shorter.
func (w *Writer) halve(i int) bool {
	o, size := &w.over, len(w.texts[i])
	whole, again := o.cuts[i]
	if !again {
		whole = w.texts[i]
	}
	limit := max(size/2, leastBulk)
	text := message.Cut(whole, limit)
	if w.Shorten != nil {
		text = w.Shorten(w.from+i, limit)
	}
	if len(text) >= size {
		return false
	}
	if o.cuts == nil {
		o.cuts = make(map[int][]byte)
	}
	o.cuts[i], w.texts[i] = whole, text
	return true
}

// avoidTransactions takes the calls that are not stored out of their transactions. It returns false if none is in one.
func (w *Writer) avoidTransactions() (some bool) {
	for _, c := range w.plan.pending {
		if c.transacts(w) {
			c.alone, some = true, true
			w.over.alone = max(w.over.alone, c.size(w))
		}
	}
	return some
}

// longest returns the index of the longest text that is not stored.
func (w *Writer) longest() int {
	longest := -1
	for _, c := range w.plan.pending {
		for _, i := range c.entries {
			if longest < 0 || len(w.texts[i]) > len(w.texts[longest]) {
				longest = i
			}
		}
	}
	return longest
}

// restore undoes the cuts of texts that are not stored.
func (w *Writer) restore() {
	w.over.ended, w.over.alone = 0, 0
	for _, c := range w.plan.pending {
		for _, i := range c.entries {
			if whole, cut := w.over.cuts[i]; cut {
				w.texts[i] = whole
				delete(w.over.cuts, i)
			}
		}
	}
}

// tell counts the texts that were stored cut, and logs that, not more often than once a minute.
func (w *Writer) tell() {
	o := &w.over
	if o.alone > 0 && len(o.cuts) == 0 {
		w.transactBelow = o.alone
		w.cfg.Logger.Info("redis: it ends the connection at a large transaction, which costs it some speed; "+
			"raise its client-query-buffer-limit", "bytes", o.alone)
	}
	o.alone = 0
	for i, whole := range o.cuts {
		w.truncated.Add(1)
		if o.untold++; time.Since(o.told) >= tellPause {
			w.cfg.Logger.Warn("redis: message cut: Redis ends the connection at a longer one; raise its proto-max-bulk-len "+
				"(and client-query-buffer-limit), or lower --max-message-size",
				"size", len(whole), "limit", len(w.texts[i]), "messages", o.untold)
			o.told, o.untold = time.Now(), 0
		}
	}
	clear(o.cuts)
}
