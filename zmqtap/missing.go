package main

import (
	"log/slog"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/log"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap"
)

// missingLog logs what is missing, in a limited number of lines: a publisher that drops messages reports it again and
// again. What exceeds the limit is added to the next line of its kind.
type missingLog struct {
	slow, gone, unknown log.Limited

	slowMessages uint64 // that this end was too slow for and that are not logged yet
	goneMessages uint64 // that publishers have dropped and that are not logged yet
}

func newMissingLog(logger *slog.Logger) *missingLog {
	return &missingLog{slow: log.Limited{Logger: logger}, gone: log.Limited{Logger: logger}, unknown: log.Limited{Logger: logger}}
}

// miss logs and counts what is missing.
func (v *view) miss(d tap.Delivery) {
	switch {
	case d.Missed > 0:
		v.log.missed(d.Missed)
	case d.Gap != nil && (d.Gap.Count > 0 || d.Gap.Before):
		v.log.gap(d.Gap)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.count(d)
}

// count adds what is missing to the totals. The caller holds mu.
func (v *view) count(d tap.Delivery) {
	v.totals.Slow = tap.Sum(v.totals.Slow, d.Missed)
	switch {
	case d.Gap == nil:
	case d.Gap.Count > 0:
		v.totals.Dropped = tap.Sum(v.totals.Dropped, d.Gap.Count)
	case d.Gap.Before:
		v.totals.Before++
	default:
		v.totals.Lost++ // the socket has logged why
	}
}

// missed logs that this end is too slow.
func (l *missingLog) missed(n uint64) {
	l.slowMessages = tap.Sum(l.slowMessages, n)
	if l.slow.Write(slog.LevelWarn, "messages are missing: this end is too slow", "messages", l.slowMessages) {
		l.slowMessages = 0
	}
}

// gap logs the messages that a publisher has dropped, or that were lost before it got them, and how many.
func (l *missingLog) gap(g *tap.Gap) {
	if g.Count == 0 {
		l.unknown.Write(slog.LevelWarn, "messages may be missing", "publisher", g.Publisher, "reason", g.Reason)
		return
	}
	l.goneMessages = tap.Sum(l.goneMessages, g.Count)
	if l.gone.Write(slog.LevelWarn, "messages are missing",
		"publisher", g.Publisher, "messages", l.goneMessages, "reason", g.Reason) {
		l.goneMessages = 0
	}
}

// abandon counts what was received as missed: the output takes nothing, so it will not be written any more.
func (v *view) abandon() {
	rest := v.reader.Take(nil)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.totals.Slow += v.unwritten + v.untouched + messages(rest)
	for _, d := range rest {
		v.count(d)
	}
}

// messages returns the number of messages in deliveries.
func messages(deliveries []tap.Delivery) (n uint64) {
	for _, d := range deliveries {
		n += uint64(len(d.Messages))
	}
	return n
}
