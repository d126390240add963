package zmq

import "testing"

// A full block is used again once the last one that refers to it has released it, and not before.
func TestBlocksArePooledAfterTheLastRelease(t *testing.T) {
	reused := 0
	for range 200 { // sync.Pool drops some of what it is given, with the race detector even on purpose
		b := newBlock(maxBlock)
		b.refs.Add(1)
		if b.exclusive() {
			t.Fatal("a block that a batch refers to is exclusive")
		}
		b.release()
		if !b.exclusive() {
			t.Fatal("a block that only its reader refers to is not exclusive")
		}
		if newBlock(maxBlock) == b {
			t.Fatal("a block is used again while something refers to it")
		}
		b.release()
		again := newBlock(maxBlock)
		if again == b {
			reused++
		}
		if !again.exclusive() {
			t.Fatal("a new block is not exclusive")
		}
	}
	if reused == 0 {
		t.Error("no block was used again")
	}
}

// Blocks are pooled by their sizes, so that a block from a pool has the size that is asked for.
func TestBlocksHaveTheirSize(t *testing.T) {
	for range 200 {
		for _, size := range []int{minBlock, minBlock + 1, 2 * minBlock, 3 * minBlock, maxBlock / 2, maxBlock, maxBlock + 1, 2 * maxBlock} {
			b := newBlock(size)
			if len(b.buf) != size {
				t.Fatalf("a block of %d bytes, want %d", len(b.buf), size)
			}
			b.release()
		}
	}
}

// A batch refers to its block until Release, and the reader does not go back to the beginning before.
func TestBatchHoldsItsBlock(t *testing.T) {
	r := newReceiver(1<<20, 100)
	r.filled(copy(r.space(), "\x00\x05first"))
	b, err := r.parse()
	if err != nil {
		t.Fatal(err)
	}
	if r.block.exclusive() {
		t.Error("the block is exclusive")
	}
	copy(r.space(), "overwritten")
	if got := string(b.Frames(0)[0]); got != "first" {
		t.Errorf("the frame has become %q", got)
	}
	block := r.block
	r.move()
	if refs := block.refs.Load(); refs != 1 {
		t.Errorf("%d refer to the block that was read to its end", refs)
	}
	if b.Release(); block.refs.Load() != 0 {
		t.Error("the released block is still referred to")
	}
	if r.parse(); !r.block.exclusive() { // nothing has arrived
		t.Error("no batch refers to the block, and it is not exclusive")
	}
}
