package main

import (
	"log/slog"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap"
)

// mostGaps is how many lines about gaps are written in a second. A publisher that drops messages tells so again and again.
const mostGaps = 10

// missingLog says what is missing. What it does not say at once is in the next line of its kind.
type missingLog struct {
	logger *slog.Logger

	slow uint64 // missed messages that no line has told of
	said time.Time

	gone   uint64 // messages that a publisher has dropped, and no line has told of
	gaps   int    // lines about that since second
	second time.Time
}

// miss accounts for what is missing, and says so. Nobody waits for the account while the log is stuck.
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

// count adds what is missing to the account. The caller holds mu.
func (v *view) count(d tap.Delivery) {
	v.totals.Slow += d.Missed
	switch {
	case d.Gap == nil:
	case d.Gap.Count > 0:
		v.totals.Dropped += d.Gap.Count
	default:
		v.totals.Lost++ // the socket has said why
	}
}

// missed says that this end is too slow, once a second at most.
func (l *missingLog) missed(n uint64) {
	l.slow += n
	if now := time.Now(); now.Sub(l.said) >= time.Second {
		l.logger.Warn("messages are missing: this end is too slow", "messages", l.slow)
		l.slow, l.said = 0, now
	}
}

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

// abandon accounts for what has come and will not be written any more: the output takes nothing.
func (v *view) abandon() {
	rest := v.reader.Take(nil)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.totals.Slow += v.unwritten + v.untouched + messages(rest)
	for _, d := range rest {
		v.count(d)
	}
}

// messages is how many there are.
func messages(deliveries []tap.Delivery) (n uint64) {
	for _, d := range deliveries {
		n += uint64(len(d.Messages))
	}
	return n
}
