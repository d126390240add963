package budget

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// Govern tells Go's runtime how much memory the program should take, and gives memory that peers no longer use back
// to the system, until ctx ends. Without it the runtime lets garbage grow as large as what is in use, and keeps what a
// burst took for minutes.
//
// The runtime's limit is the budget, what the program remembers besides, and another quarter of the budget for
// garbage and for what is not counted byte for byte. It rises with what the program has to hold on its own account,
// such as a large transaction of rsyslog's. A smaller GOMEMLIMIT in the environment stays in force.
func (b *Budget) Govern(ctx context.Context) {
	limit := b.limitFor(0)
	if debug.SetMemoryLimit(-1) <= limit {
		limit = 0
	} else {
		debug.SetMemoryLimit(limit)
	}
	go b.govern(ctx, trimInterval, limit)
}

const (
	// trimInterval is how often it is looked whether memory should go back.
	trimInterval = 10 * time.Second
	// spare is how much memory beyond what was in use last the runtime may hold, and by how much the limit must be
	// wrong to be set again.
	spare = 16 << 20
	// active is the number of collections in an interval from which on the runtime returns memory by itself.
	active = 2
)

// limitFor returns the runtime's limit if own bytes are in use that no peer makes the program hold.
func (b *Budget) limitFor(own int) int64 {
	quarter := b.size / 4
	return int64(b.size + b.apart + quarter + max(0, own-b.apart-quarter))
}

// govern gives freed memory back at each interval until ctx ends, and sets the runtime's limit, unless it is 0.
func (b *Budget) govern(ctx context.Context, interval time.Duration, limit int64) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	var inUse, collections uint64 // at the last look
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		held, live, now := memory()
		if quiet := now-collections < active; quiet && held > inUse+inUse/4+spare {
			debug.FreeOSMemory()
			held, live, _ = memory()
			inUse = held
		}
		inUse, collections = min(inUse, held), now
		right := b.limitFor(live - b.In.Used() - b.Out.Used() - b.Prefixes.Used())
		if limit > 0 && max(right-limit, limit-right) > spare {
			limit = right
			debug.SetMemoryLimit(limit)
		}
	}
}

// memory returns how many bytes the runtime holds, how many were in use after the last collection, and how many
// collections it has begun by itself.
func memory() (held uint64, live int, collections uint64) {
	samples := []metrics.Sample{
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
		{Name: "/gc/heap/live:bytes"},
		{Name: "/gc/cycles/automatic:gc-cycles"},
	}
	metrics.Read(samples)
	held = samples[0].Value.Uint64() - samples[1].Value.Uint64()
	return held, int(samples[2].Value.Uint64()), samples[3].Value.Uint64()
}
