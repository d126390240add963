package redis

import (
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

// Redis ends the connection at an argument of more than its proto-max-bulk-len or client-query-buffer-limit. The error
// that it gives is mostly lost, because it has not read the rest. The longest text of those that were sent is therefore
// halved when Redis has said so, or when two connections in a row have ended and Redis was there in between.

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
	w.over.ended = 0
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
