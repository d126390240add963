package main

import (
	"log/slog"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap"
)

// mostGaps is how many lines about gaps are logged in a second. A publisher that drops messages reports it
// again and again.
const mostGaps = 10

// missingLog logs what is missing, in a limited number of lines. What exceeds the limit is added to the next
// line of its kind.
type missingLog struct {
	logger *slog.Logger

	slow     uint64    // messages that this end was too slow for and that are not logged yet
	loggedAt time.Time // when such messages were last logged

	gone   uint64 // messages that publishers have dropped and that are not logged yet
	gaps   int    // lines about them since second
	second time.Time
}

// miss logs and counts what is missing. It does not hold mu while the log may be stuck.
func (v *view) miss(d tap.Delivery) {
	switch {
	case d.Missed > 0:
		v.log.missed(d.Missed)
	case d.Gap != nil && d.Gap.Count > 0:
		v.log.gap(d.Gap)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.count(d)
}

// count adds what is missing to the totals. The caller holds mu.
func (v *view) count(d tap.Delivery) {
	v.totals.Slow += d.Missed
	switch {
	case d.Gap == nil:
	case d.Gap.Count > 0:
		v.totals.Dropped += d.Gap.Count
	default:
		v.totals.Lost++ // the socket has logged why
	}
}

// missed logs that this end is too slow, at most once a second.
func (l *missingLog) missed(n uint64) {
	l.slow += n
	if now := time.Now(); now.Sub(l.loggedAt) >= time.Second {
		l.logger.Warn("messages are missing: this end is too slow", "messages", l.slow)
		l.slow, l.loggedAt = 0, now
	}
}

// gap logs the messages that a publisher has dropped, at most mostGaps times a second.
func (l *missingLog) gap(g *tap.Gap) {
	l.gone += g.Count
	if now := time.Now(); now.Sub(l.second) >= time.Second {
		l.second, l.gaps = now, 0
	}
	if l.gaps++; l.gaps > mostGaps {
		return
	}
	l.logger.Warn("messages are missing", "publisher", g.Publisher, "messages", l.gone, "reason", g.Reason)
	l.gone = 0
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
