package kafkatest

import (
	"context"
	"fmt"
	"math"
	"slices"
	"syscall"
)

// Launch starts brokers that do not run, with their data and ports, and waits until they and the others serve
// clients. More than half of all brokers must run then: start two at once after all have ended.
func (c *Cluster) Launch(ids ...int) {
	c.t.Helper()
	for _, id := range ids {
		c.broker(id).launch()
	}
	for _, id := range ids {
		c.await("the broker serves clients", func(context.Context) error { return c.broker(id).accepts() })
	}
	c.everywhere("known brokers", func(ctx context.Context, b *broker) error {
		known, err := b.knows(ctx)
		for _, other := range c.brokers {
			if err == nil && other.working() && !slices.Contains(known, other.id) {
				return fmt.Errorf("broker %d is not among %v", other.id, known)
			}
		}
		return err
	})
}

// Running returns the brokers that run, also those that are frozen.
func (c *Cluster) Running() (ids []int) {
	for _, b := range c.brokers {
		if b.running() {
			ids = append(ids, b.id)
		}
	}
	return ids
}

// Kill kills a broker (SIGKILL) and waits for its end.
func (c *Cluster) Kill(id int) {
	c.t.Helper()
	c.broker(id).signal(syscall.SIGKILL)
	c.broker(id).awaitEnd()
}

// Stop ends a broker (SIGTERM) and waits for its end: it hands its partitions to the other brokers first.
func (c *Cluster) Stop(id int) {
	c.t.Helper()
	c.broker(id).signal(syscall.SIGTERM)
	c.broker(id).awaitEnd()
}

// AwaitEnd waits for the end of a broker that ends of its own accord.
func (c *Cluster) AwaitEnd(id int) {
	c.t.Helper()
	c.broker(id).awaitEnd()
}

// Freeze stops all threads of a broker (SIGSTOP): its connections stay open, and nothing answers.
func (c *Cluster) Freeze(id int) {
	c.t.Helper()
	b := c.broker(id)
	b.signal(syscall.SIGSTOP)
	c.await("the broker is frozen", func(context.Context) error {
		if !b.stopped() {
			return fmt.Errorf("broker %d does not stop", id)
		}
		return nil
	})
	b.frozen = true
}

// Thaw lets a frozen broker go on.
func (c *Cluster) Thaw(id int) {
	c.t.Helper()
	c.broker(id).signal(syscall.SIGCONT)
	c.broker(id).frozen = false
}

// LimitFiles makes every write of a broker beyond that offset of a file fail, as on a full disk, but with "File too
// large". Kafka then gives up the log folder, and itself, because it has no other: AwaitEnd. The limit must be larger
// than the broker's metadata and its own log are by then (1 MB is), and smaller than the topic's segments.
// It ends with the process.
func (c *Cluster) LimitFiles(id int, bytes int64) {
	c.t.Helper()
	c.broker(id).limit(uint64(bytes))
}

// UnlimitFiles takes the limit away.
func (c *Cluster) UnlimitFiles(id int) {
	c.t.Helper()
	c.broker(id).limit(math.MaxUint64)
}

// Log returns what a broker has logged since its first start.
func (c *Cluster) Log(id int) string {
	c.t.Helper()
	return c.broker(id).log()
}
