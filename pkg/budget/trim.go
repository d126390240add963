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
// garbage and for what is not counted byte for byte. A smaller GOMEMLIMIT in the environment stays in force.
func (b *Budget) Govern(ctx context.Context) {
	limit := int64(b.size + b.apart + b.size/4)
	if debug.SetMemoryLimit(-1) > limit {
		debug.SetMemoryLimit(limit)
	}
	go trim(ctx, trimInterval)
}

const (
	// trimInterval is how often it is looked whether memory should go back.
	trimInterval = 10 * time.Second
	// spare is how much memory beyond what was in use last the runtime may hold.
	spare = 16 << 20
	// active is the number of collections in an interval from which on the runtime returns memory by itself.
	active = 2
)

// trim gives freed memory back at each interval until ctx ends.
func trim(ctx context.Context, interval time.Duration) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	var inUse, collections uint64 // at the last look
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		held, now := memory()
		if quiet := now-collections < active; quiet && held > inUse+inUse/4+spare {
			debug.FreeOSMemory()
			held, _ = memory()
			inUse = held
		}
		inUse, collections = min(inUse, held), now
	}
}

// memory returns how many bytes the runtime holds, and how many collections it has begun by itself.
func memory() (held, collections uint64) {
	samples := []metrics.Sample{
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
		{Name: "/gc/cycles/automatic:gc-cycles"},
	}
	metrics.Read(samples)
	return samples[0].Value.Uint64() - samples[1].Value.Uint64(), samples[2].Value.Uint64()
}
