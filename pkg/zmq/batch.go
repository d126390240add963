package zmq

import (
	"sync"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/prefix"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/curve"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmtp"
)

// Batch is what was received from one peer and is handed on together, in order: one message or more. Its frames
// are parts of the buffer that they were read into, so that receiving neither copies nor allocates. They are
// valid until Release.
type Batch struct {
	peer   *Peer
	block  *block
	frames [][]byte
	ends   []int    // ends[i] is where message i ends in frames
	raw    []extent // raw[i] is where message i lies in the block's buffer; only an XSUB's batches have it
}

// extent is where a message lies in its block. to is 0 if the message cannot be passed on as it arrived.
type extent struct{ from, to int }

// freeBatches pools batches by the size of their block, as freeBlocks does. A batch of a small block has few frames,
// most often. Those with room for more are pooled for the largest blocks, so that connections with small ones do not
// hold them.
var freeBatches [blockSizes]sync.Pool

// newBatch returns an empty batch for what a block holds.
func newBatch(of *block) *Batch {
	if b, _ := freeBatches[sizeClass(len(of.buf))].Get().(*Batch); b != nil {
		return b
	}
	return new(Batch)
}

// pool returns where the batch goes when it is released.
func (b *Batch) pool() *sync.Pool {
	size := sizeClass(len(b.block.buf))
	if cap(b.frames) > 2*(minBlock/frameBytes)<<size { // appending may double what is needed
		size = blockSizes - 1
	}
	return &freeBatches[size]
}

// Peer returns the peer that sent the messages.
func (b *Batch) Peer() *Peer { return b.peer }

// Len returns the number of messages.
func (b *Batch) Len() int { return len(b.ends) }

// Frames returns message i's frames, one or more.
func (b *Batch) Frames(i int) [][]byte { return b.frames[b.begin(i):b.ends[i]] }

// begin returns where message i begins in frames.
func (b *Batch) begin(i int) int {
	if i == 0 {
		return 0
	}
	return b.ends[i-1]
}

// Release gives the memory back. It is called once; neither the batch nor its frames may be used afterwards.
func (b *Batch) Release() {
	if b.block.paid != nil {
		b.block.paid.Taken()
	}
	pool := b.pool()
	b.block.release()
	clear(b.frames) // truncate has cleared what lies after them
	b.peer, b.block, b.frames, b.ends, b.raw = nil, nil, b.frames[:0], b.ends[:0], b.raw[:0]
	pool.Put(b)
}

// last returns where the last whole message ends in frames.
func (b *Batch) last() int {
	if len(b.ends) == 0 {
		return 0
	}
	return b.ends[len(b.ends)-1]
}

// finish turns the frames after the last message into a message if its first frame matches wanted; nil matches all. It
// reports whether it has.
func (b *Batch) finish(wanted *prefix.Set) bool {
	if wanted == nil || wanted.Match(b.frames[b.last()]) {
		b.ends = append(b.ends, len(b.frames))
		return true
	}
	b.truncate()
	return false
}

// truncate removes the frames after the last whole message.
func (b *Batch) truncate() {
	clear(b.frames[b.last():])
	b.frames = b.frames[:b.last()]
}

// follows reports whether message i arrived directly after the one before it and both can be passed on as they
// arrived.
func (b *Batch) follows(i int) bool {
	return i < len(b.raw) && b.raw[i-1].to == b.raw[i].from && b.raw[i].to > 0
}

// fit returns how many of the messages from up to end, which follow each other, have at most size bytes
// together, encoded; at least 1.
func (b *Batch) fit(from, end, size int, encrypts bool) int {
	if from >= len(b.raw) || b.wireSize(from, end, encrypts) <= size {
		return end - from
	}
	n := 1
	for from+n < end && b.wireSize(from, from+n+1, encrypts) <= size {
		n++
	}
	return n
}

// wireSize returns how many bytes appendRaw appends at most.
func (b *Batch) wireSize(from, end int, encrypts bool) (size int) {
	if from < len(b.raw) && b.raw[from].to > 0 {
		size = b.raw[end-1].to - b.raw[from].from
	} else {
		size = zmtp.MessageSize(b.Frames(from)...)
	}
	if encrypts { // which may make a header longer, too
		size += (b.ends[end-1] - b.begin(from)) * (curve.Overhead + zmtp.MaxHeader)
	}
	return size
}

// appendRaw appends messages that follow each other, encoded.
func (b *Batch) appendRaw(dst []byte, from, end int, encrypts bool) []byte {
	switch {
	case encrypts:
		for i := from; i < end; i++ {
			dst = curve.AppendMessage(dst, b.Frames(i)...)
		}
		return dst
	case from < len(b.raw) && b.raw[from].to > 0:
		return append(dst, b.block.buf[b.raw[from].from:b.raw[end-1].to]...)
	}
	return zmtp.AppendMessage(dst, b.Frames(from)...)
}
