package zmq

import (
	"sync"
	"sync/atomic"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/prefix"
)

// Batch is what one peer has sent, in order: one message or more. Its frames are parts of the buffer that
// they were read into, so that receiving copies nothing and allocates nothing; they are valid until Release.
type Batch struct {
	peer   *Peer
	block  *block
	frames [][]byte
	ends   []int    // ends[i] is where message i ends in frames
	raw    []extent // raw[i] is message i in the block's buffer; an XSUB's only
}

// extent is where a message lies, as it came; to is 0 when it cannot be passed on like that.
type extent struct{ from, to int }

// Peer is where the messages came from.
func (b *Batch) Peer() *Peer { return b.peer }

// Len is the number of messages.
func (b *Batch) Len() int { return len(b.ends) }

// Frames returns message i's frames, one or more.
func (b *Batch) Frames(i int) [][]byte {
	start := 0
	if i > 0 {
		start = b.ends[i-1]
	}
	return b.frames[start:b.ends[i]]
}

// Release gives the memory back, once. The batch and its frames must not be used afterwards.
func (b *Batch) Release() {
	b.block.release()
	clear(b.frames) // what is behind them has been cleared by truncate
	b.peer, b.block, b.frames, b.ends, b.raw = nil, nil, b.frames[:0], b.ends[:0], b.raw[:0]
	batches.Put(b)
}

// last is where the last whole message ends in frames.
func (b *Batch) last() int {
	if len(b.ends) == 0 {
		return 0
	}
	return b.ends[len(b.ends)-1]
}

// finish makes a message of the frames behind the last one, if its first frame matches; nil matches all.
func (b *Batch) finish(wanted *prefix.Set) {
	if wanted == nil || wanted.Match(b.frames[b.last()]) {
		b.ends = append(b.ends, len(b.frames))
	} else {
		b.truncate()
	}
}

// truncate forgets the frames behind the last whole message.
func (b *Batch) truncate() {
	clear(b.frames[b.last():])
	b.frames = b.frames[:b.last()]
}

var batches = sync.Pool{New: func() any { return new(Batch) }}

// A block is a buffer that is read into, shared by the reader and the batches that are parts of it. The reader goes
// on to fill it behind them.
type block struct {
	buf  []byte
	refs atomic.Int32
}

const (
	minBlock = 4 << 10   // bytes that an idle connection holds
	maxBlock = 128 << 10 // what a busy one reads at once; a longer message gets a block of its own
	// A buffer of which less than one part in wasted was used, enough times in a row, is too large: the burst is over.
	wasted = 16
	enough = 16
)

var fullBlocks = sync.Pool{New: func() any { return &block{buf: make([]byte, maxBlock)} }}

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

// exclusive tells that no batch refers to the block any more. For the reader only, who alone makes batches of it.
func (b *block) exclusive() bool { return b.refs.Load() == 1 }

func (b *block) release() {
	if b.refs.Add(-1) == 0 && len(b.buf) == maxBlock {
		fullBlocks.Put(b)
	}
}
