package main

import (
	"log/slog"
	"sync"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/omprog"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/statistics"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/status"
)

// outcomes are what rsyslog was told, for the log, for status and for --metrics. They log the first failure in a row,
// and the end of the row.
type outcomes struct {
	logger       *slog.Logger
	sizes, times *statistics.Histogram

	mu      sync.Mutex
	failure *status.Failure // the last one; nil: there was none
	inARow  int
}

// note takes what rsyslog is about to be told.
func (o *outcomes) note(out omprog.Outcome) {
	if out.Failure == "" && out.Lines > 0 {
		o.sizes.Observe(uint64(out.Lines), 1)
		o.times.ObserveDuration(out.Took, 1)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	switch {
	case out.Failure != "":
		o.fail(now, out.Failure, "rsyslog was told of a failure: it sends the messages again, and may suspend the action before")
	case o.inARow > 0:
		o.logger.Info("rsyslog's messages are confirmed again", "after", now.Sub(o.failure.Since).Round(time.Millisecond), "failures", o.inARow)
		o.inARow = 0
		over := *o.failure
		over.Lasts = false
		o.failure = &over
	}
}

// fail notes a failure, and logs it if it is the first in a row. The caller holds mu.
func (o *outcomes) fail(now time.Time, reason, what string) {
	since := now
	if o.inARow++; o.inARow > 1 {
		since = o.failure.Since
	} else {
		o.logger.Warn(what, "reason", reason)
	}
	o.failure = &status.Failure{At: now, Reason: reason, Lasts: true, Since: since}
}

// cut notes that a RELP session was ended because its messages were not confirmed in time, which it logs itself.
func (o *outcomes) cut(reason string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	o.failure = &status.Failure{At: now, Reason: reason, Since: now}
}

// last returns the last failure; nil: there was none.
func (o *outcomes) last() *status.Failure {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.failure
}
