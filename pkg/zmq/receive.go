package zmq

import (
	"fmt"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmtp"
)

// receiver turns a connection's bytes into batches. Bytes are read into a block and parsed where they lie;
// only what is left of an unfinished message is copied, when its block is full. A block grows with the
// bytes that have arrived, never with the length that a peer has announced.
type receiver struct {
	peer    *Peer
	limit   int // bytes of all frames of a message
	batch   int // messages in a batch
	block   *block
	start   int // first byte that no batch has taken: where the unfinished message begins
	end     int // end of the bytes read
	scanned int // up to here commands have been obeyed already
	size    int // of the next block
}

func newReceiver(p *Peer, limit, batch int) *receiver {
	return &receiver{peer: p, limit: limit, batch: batch, block: newBlock(minBlock), size: minBlock}
}

// space returns where to read to: never empty.
func (r *receiver) space() []byte {
	if len(r.block.buf)-r.end < len(r.block.buf)/4 {
		r.move()
	}
	return r.block.buf[r.end:]
}

// filled tells that n bytes have been read into space.
func (r *receiver) filled(n int) {
	if n == len(r.block.buf)-r.end && r.size < maxBlock {
		r.size *= 4 // the peer has more than fits: read more at once
		r.size = min(r.size, maxBlock)
	}
	r.end += n
}

// move goes on in a new block, taking along the bytes of the unfinished message.
func (r *receiver) move() {
	rest := r.block.buf[r.start:r.end]
	size := r.size
	for size < 2*len(rest) {
		size *= 2
	}
	next := newBlock(size)
	copy(next.buf, rest)
	r.block.release()
	r.block = next
	r.scanned = max(r.scanned-r.start, 0)
	r.start, r.end = 0, len(rest)
}

// parse returns the next batch of the bytes read so far, or nil when there is no whole message left. The
// error says why the stream cannot be followed any further; the batch before it is good.
func (r *receiver) parse() (*Batch, error) {
	b := batches.Get().(*Batch)
	pos, size := r.start, 0
	var err error
	for len(b.ends) < r.batch {
		var flags byte
		var body []byte
		var n int
		flags, body, n, err = zmtp.DecodeFrame(r.block.buf[pos:r.end], r.limit-size)
		if err != nil || n > r.end-pos {
			break
		}
		pos += n
		if flags&zmtp.Command != 0 {
			if err = r.command(body, pos); err != nil {
				break
			}
			if size == 0 && len(b.frames) == b.last() {
				r.start = pos
			}
			continue
		}
		b.frames = append(b.frames, body)
		size += len(body)
		if flags&zmtp.More == 0 {
			b.ends = append(b.ends, len(b.frames))
			r.start, size = pos, 0
		} else if len(b.frames)-b.last() >= maxFrames {
			err = fmt.Errorf("a message of more than %d frames", maxFrames)
			break
		}
	}
	b.frames = b.frames[:b.last()] // an unfinished message is parsed again when the rest has come
	b.peer, b.block = r.peer, r.block
	r.block.refs.Add(1)
	if len(b.ends) == 0 {
		b.Release()
		return nil, err
	}
	return b, err
}

// last is where the last whole message ends in frames.
func (b *Batch) last() int {
	if len(b.ends) == 0 {
		return 0
	}
	return b.ends[len(b.ends)-1]
}

// command obeys a command that ends at pos, once: the bytes of an unfinished message are parsed again
// when more has come, and a command may stand between its frames (libzmq sends PING so).
func (r *receiver) command(body []byte, pos int) error {
	if pos <= r.scanned {
		return nil
	}
	r.scanned = pos
	name, data, err := zmtp.ParseCommand(body)
	if err != nil {
		return err
	}
	return r.peer.command(string(name), data)
}
