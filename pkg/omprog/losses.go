package omprog

import (
	"log/slog"
	"sync"
	"time"
)

// lossInterval is the time between two lines about losses.
const lossInterval = time.Second

// Losses logs messages that were refused while rsyslog reads no replies: the first at once, those of the next second
// together. Any goroutine may use it.
type Losses struct {
	Logger *slog.Logger

	mu     sync.Mutex
	count  int // not logged yet
	reason string
	paused bool // a line was written less than lossInterval ago
}

// Add counts a message that is lost.
func (l *Losses) Add(reason string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count++
	l.reason = reason
	if !l.paused {
		l.log()
	}
}

// log logs what was lost, and does so again after the interval if more is lost by then. The caller holds mu.
func (l *Losses) log() {
	l.Logger.Error(`messages lost: a receiver refused them, and rsyslog reads no replies and cannot send them again; set omprog's confirmMessages="on"`,
		"messages", l.count, "reason", l.reason)
	l.count, l.paused = 0, true
	time.AfterFunc(lossInterval, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.paused = false; l.count > 0 {
			l.log()
		}
	})
}
