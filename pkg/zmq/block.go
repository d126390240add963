package zmq

import (
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

var fullBlocks = sync.Pool{New: func() any { return &block{buf: make([]byte, maxBlock)} }}

// newBlock returns a block that only the caller refers to. Those of maxBlock bytes are pooled.
func newBlock(size int) *block {
	var b *block
	if size == maxBlock {
		b = fullBlocks.Get().(*block)
	} else {
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
	if size == maxBlock {
		fullBlocks.Put(b)
	}
	if paid != nil {
		paid.Give(blockCost(size))
	}
}
