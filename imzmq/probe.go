package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/destination"
)

const (
	// idle is how long nothing is stored until the destination is asked whether it would store something.
	idle = 30 * time.Second
	// again is the time between two questions while it would not.
	again = 5 * time.Second
	// answer is how long an answer may take.
	answer = 10 * time.Second
)

// storing is what a prober looks at: an intake.
type storing interface {
	Stored() time.Time  // see intake.Intake
	Storing() time.Time // see intake.Intake
}

// prober asks an idle destination whether it would store messages. Otherwise the first message would show that it is
// away, which may be hours later.
type prober struct {
	target destination.Target
	config destination.Config
	in     storing
	logger *slog.Logger

	mu     sync.Mutex
	since  time.Time // when it first would not; zero: it would
	reason string
	stored time.Time // when the last message had been stored by then
}

func newProber(target destination.Target, config destination.Config, in storing) *prober {
	config.Trouble = nil // no message waits
	return &prober{target: target, config: config, in: in, logger: config.Logger}
}

// run asks until ctx ends. Redis and Kafka are asked at the start, too; imrelp, which takes each question for a session
// of its own, is not asked while messages are on their way to it.
func (p *prober) run(ctx context.Context) {
	wait := again
	if p.target.Stores() {
		if p.ask(ctx) {
			p.logger.Info("the destination answers", "to", p.target.String())
			wait = idle
		}
		p.config.Logger = slog.New(slog.DiscardHandler) // what it warns of was said
	}
	for {
		before := p.in.Stored()
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
		if p.in.Storing().IsZero() && p.in.Stored().Equal(before) {
			p.ask(ctx)
		}
		if wait = idle; p.isAway() {
			wait = again
		}
	}
}

func (p *prober) isAway() bool {
	since, _ := p.away()
	return !since.IsZero()
}

// ask asks once, and logs a change. It reports whether the destination can be used.
func (p *prober) ask(ctx context.Context) bool {
	limited, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	err := destination.Check(limited, p.target, p.config)
	if ctx.Err() != nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if stored := p.in.Stored(); !stored.Equal(p.stored) { // the outage before that is over
		p.since, p.stored = time.Time{}, stored
	}
	switch {
	case err == nil && !p.since.IsZero():
		p.logger.Info("the destination can be used", "to", p.target.String(), "after", time.Since(p.since).Round(time.Millisecond))
		p.since = time.Time{}
	case err != nil:
		if p.reason = err.Error(); p.since.IsZero() {
			p.since = time.Now()
			p.logger.Warn("the destination cannot be used", "to", p.target.String(), "reason", err)
		}
	}
	return err == nil
}

// away returns since when and why the destination cannot be used; the zero time: it can, as far as is known. What was
// stored later proves that it can.
func (p *prober) away() (since time.Time, reason string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.in.Stored().Equal(p.stored) {
		return time.Time{}, ""
	}
	return p.since, p.reason
}
