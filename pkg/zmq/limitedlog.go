package zmq

import (
	"log/slog"
	"sync"
	"time"
)

// limitedLog writes at most one line a second: what strangers can cause must not fill a log.
type limitedLog struct {
	logger     *slog.Logger
	mu         sync.Mutex
	next       time.Time
	suppressed int
}

func (l *limitedLog) warn(text string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if now.Before(l.next) {
		l.suppressed++
		return
	}
	if l.suppressed > 0 {
		args = append(args, "suppressed", l.suppressed)
	}
	l.next, l.suppressed = now.Add(time.Second), 0
	l.logger.Warn(text, args...)
}
