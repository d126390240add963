package log

import (
	"bytes"
	"cmp"
	"context"
	"log"
	"log/slog"
	"sync"
	"time"
)

// Burst is how many lines a Limited writes at once before it leaves any out, unless it says otherwise.
const Burst = 10

// Limited writes at most one line a second on average, and a burst of lines at most at once: what strangers can cause
// must not fill a log. A line reports how many were left out before it. Any goroutine may use it.
type Limited struct {
	Logger *slog.Logger
	Burst  int // lines written at once; 0: Burst

	mu         sync.Mutex
	next       time.Time // when the next line would be due if lines were a second apart
	suppressed int
}

// Write writes a line, and reports whether it has; false: it was left out, or the level is not logged.
func (l *Limited) Write(level slog.Level, text string, args ...any) bool {
	if !l.Logger.Enabled(context.Background(), level) {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if l.next.Sub(now) > time.Duration(cmp.Or(l.Burst, Burst)-1)*time.Second {
		l.suppressed++
		return false
	}
	if l.suppressed > 0 {
		args = append(args, "suppressed", l.suppressed)
	}
	if l.next.Before(now) {
		l.next = now
	}
	l.next, l.suppressed = l.next.Add(time.Second), 0
	l.Logger.Log(context.Background(), level, text, args...)
	return true
}

// Standard returns a logger for net/http's Server.ErrorLog that writes its lines through l at a level.
func (l *Limited) Standard(level slog.Level) *log.Logger {
	return log.New(writes(func(line []byte) { l.Write(level, string(bytes.TrimSpace(line))) }), "", 0)
}

// writes is an io.Writer.
type writes func([]byte)

func (w writes) Write(b []byte) (int, error) {
	w(b)
	return len(b), nil
}
