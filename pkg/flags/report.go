package flags

import (
	"context"
	"log/slog"
	"sync/atomic"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/statistics"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/systemd"
)

// Report reports to systemd until end is called, if this process is a service: that it is ready as soon as all its
// endpoints are bound, that it lives, its numbers, and that it stops, when ctx ends. It is called once, when the
// program does its work; end when it has nothing more to do.
func (c *Common) Report(ctx context.Context, numbers *statistics.Set, logger *slog.Logger) (end func()) {
	service := systemd.Start(ctx, numbers.Brief, logger)
	c.unready.then = service.Ready
	c.unready.done()
	return service.End
}

// countdown counts what is not yet ready.
type countdown struct {
	left atomic.Int64
	then func() // called when nothing is left
}

// newCountdown returns a countdown of the program itself: Report is its done.
func newCountdown() *countdown {
	c := &countdown{}
	c.left.Store(1)
	return c
}

func (c *countdown) add() { c.left.Add(1) }

func (c *countdown) done() {
	if c.left.Add(-1) == 0 {
		c.then()
	}
}
