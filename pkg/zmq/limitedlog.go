package zmq

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// burst is how many lines a limitedLog writes at once before it leaves any out.
const burst = 10

// limitedLog writes at most one line a second on average, in bursts of at most burst lines: what strangers can
// cause must not fill a log. A line reports how many were left out before it.
type limitedLog struct {
	logger     *slog.Logger
	mu         sync.Mutex
	next       time.Time // when the next line would be due if lines were a second apart
	suppressed int
}

func (l *limitedLog) write(level slog.Level, text string, args ...any) {
	if !l.logger.Enabled(context.Background(), level) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if l.next.Sub(now) > (burst-1)*time.Second {
		l.suppressed++
		return
	}
	if l.suppressed > 0 {
		args = append(args, "suppressed", l.suppressed)
	}
	if l.next.Before(now) {
		l.next = now
	}
	l.next, l.suppressed = l.next.Add(time.Second), 0
	l.logger.Log(context.Background(), level, text, args...)
}
