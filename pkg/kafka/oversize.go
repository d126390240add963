package kafka

import (
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

// tellPause is the least time between two log lines about messages that were cut.
const tellPause = time.Minute

// oversize is the account of messages that are longer than their topic takes.
type oversize struct {
	cuts        map[int]int // of the part in hand: their bytes before they were cut
	truncated   atomic.Uint64
	untold      int // messages that were stored cut and not logged
	size, limit int // of the last one
	told        time.Time
}

// Truncated returns how many messages were cut because their topic takes none that are longer. It may be called at any
// time.
func (w *Writer) Truncated() uint64 { return w.over.truncated.Load() }

// cutLong cuts the texts of a chunk that are longer than their topic takes.
func (w *Writer) cutLong(chunk []int) {
	for _, i := range chunk {
		r := &w.part.records[i]
		limit := w.topics.limit(r.Topic)
		if len(r.Value)+recordOverhead+maxHeaders < limit {
			continue
		}
		most := max(room(r, limit), 0)
		if len(r.Value) <= most {
			continue
		}
		text := message.Cut(r.Value, most)
		if w.Shorten != nil {
			text = w.Shorten(w.from+i, most)
		}
		if w.over.cuts == nil {
			w.over.cuts = make(map[int]int)
		}
		if _, again := w.over.cuts[i]; !again {
			w.over.cuts[i] = len(r.Value)
		}
		r.Value, w.texts[i] = text, text
		w.over.limit = most
	}
}

// stored counts message i if it was cut.
func (o *oversize) stored(i int) {
	if size, cut := o.cuts[i]; cut {
		o.truncated.Add(1)
		o.untold++
		o.size = size
		delete(o.cuts, i)
	}
}

// tell logs the messages that were stored cut, not more often than once a minute.
func (o *oversize) tell(logger *slog.Logger) {
	clear(o.cuts)
	if o.untold == 0 || time.Since(o.told) < tellPause {
		return
	}
	logger.Warn("kafka: message cut: its topic takes none that are longer; raise its max.message.bytes, "+
		"or lower --max-message-size", "size", o.size, "limit", o.limit, "messages", o.untold)
	o.told, o.untold = time.Now(), 0
}
