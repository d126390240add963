package flags

import (
	"context"
	"os"
	"time"
)

// Lingering returns a context that ends --linger after ctx does: the time to drain.
func (c *Common) Lingering(ctx context.Context) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(c.Linger, cancel) })
	return longer, func() { stop(); cancel() }
}

// SameSignal is how long after a signal another one counts as the same: timeout(1) sends one to its child and one to
// the group, which the child is in; when a terminal closes, one comes from the kernel and one from the shell. After
// that, another one kills.
const SameSignal = 500 * time.Millisecond

// StopSignals returns the signals that end a program. SIGINT is not among them if it was ignored at the start: rsyslog
// ignores it in its children on purpose, and signal.Notify would undo that.
func StopSignals(ignored func(os.Signal) bool, interrupt, terminate os.Signal) []os.Signal {
	if ignored(interrupt) {
		return []os.Signal{terminate}
	}
	return []os.Signal{interrupt, terminate}
}
