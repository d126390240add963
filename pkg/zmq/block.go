package zmq

import (
	"math/bits"
	"sync"
	"sync/atomic"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/budget"
)

// A block is a buffer that a connection is read into. The reader and the batches whose frames lie in it share
// it; the reader goes on to fill it after them. The last one to release it gives its memory back.
type block struct {
	buf  []byte
	refs atomic.Int32
	paid *budget.Input // where its cost is taken from until the last release; nil: it is part of its connection's cost
}

const (
	minBlock = 4 << 10   // bytes of an idle connection's block
	maxBlock = 128 << 10 // bytes that a busy connection reads at once; a longer message gets a block of its own
	// A buffer is too large when less than one part in wasted of it was used, enough times in a row: the burst
	// is over.
	wasted = 16
	enough = 16
)

// blockSizes is how many sizes of blocks there are from minBlock to maxBlock, each twice the one before.
const blockSizes = 6

// freeBlocks pools the blocks of these sizes. Those of other sizes are for one long message each.
var freeBlocks [blockSizes]sync.Pool

// poolOf returns where blocks of size bytes are pooled; nil: nowhere.
func poolOf(size int) *sync.Pool {
	if class := sizeClass(size); size == minBlock<<class {
		return &freeBlocks[class]
	}
	return nil
}

// sizeClass returns the index of the largest of the sizes that is not larger than size.
func sizeClass(size int) int { return min(bits.Len(uint(size/minBlock)), blockSizes) - 1 }

// newBlock returns a block that only the caller refers to.
func newBlock(size int) *block {
	var b *block
	if pool := poolOf(size); pool != nil {
		b, _ = pool.Get().(*block)
	}
	if b == nil {
		b = &block{buf: make([]byte, size)}
	}
	b.refs.Store(1)
	return b
}

// blockCost is what a block of size bytes takes of a budget: its own bytes, and those of the batch that is made of it.
func blockCost(size int) int { return size + min(size, maxBlock) }

// pay makes the block's release give its cost back.
func (b *block) pay(to *budget.Input) *block {
	b.paid = to
	return b
}

// exclusive reports whether no batch refers to the block any more. Only the reader may call it, since only the
// reader makes batches of the block.
func (b *block) exclusive() bool { return b.refs.Load() == 1 }

func (b *block) release() {
	if b.refs.Add(-1) > 0 {
		return
	}
	paid, size := b.paid, len(b.buf)
	b.paid = nil
	if pool := poolOf(size); pool != nil {
		pool.Put(b)
	}
	if paid != nil {
		paid.Give(blockCost(size))
	}
}
