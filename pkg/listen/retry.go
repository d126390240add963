package listen

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/backoff"
)

// ForEver is a Patience's limit that never passes: 292 years.
const ForEver time.Duration = 1<<63 - 1

// Patience is how long an address is tried again that cannot be listened at, because another process holds it or the
// host does not have it yet. Every error counts as one that passes: a missing right may be granted.
type Patience struct {
	Limit      time.Duration // 0: the address is tried once
	First, Max time.Duration // the first and the longest wait between two attempts, which double
	Logger     *slog.Logger
}

// maxReasons is how many different reasons to wait are logged.
const maxReasons = 8

// Try calls listen until it succeeds, the limit has passed or ctx has ended, and returns its last error. Each reason to
// wait is logged once.
func (p Patience) Try(ctx context.Context, address string, listen func() error) error {
	limited, cancel := context.WithTimeout(ctx, p.Limit)
	defer cancel()
	wait := backoff.Backoff{First: p.First, Max: p.Max}
	var logged []string
	for over := p.Limit <= 0; ; over = !wait.Wait(limited) {
		err := listen()
		if err == nil || over || ctx.Err() != nil {
			return err
		}
		if reason := err.Error(); len(logged) < maxReasons && !slices.Contains(logged, reason) {
			logged = append(logged, reason)
			p.Logger.Warn("cannot listen; will go on trying", "endpoint", address, "reason", reason)
		}
	}
}
