package zmq

import (
	"errors"
	"fmt"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/prefix"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmtp"
)

// Bounds of what a peer may send.
const (
	// maxFrames is the most frames that a message may have: without it, empty frames would cost memory for nothing.
	maxFrames = 1024
	// maxBatchFrames is the number of frames behind which a batch takes no further message, for the same reason.
	maxBatchFrames = 16 * maxFrames
	// maxCommand is the most bytes of a command, and of all commands between the frames of one message together.
	maxCommand = 8 << 10
)

// receiver turns a connection's bytes into batches. Bytes are read into a block and parsed where they lie;
// only what is left of an unfinished message is copied, when its block is full. A block grows with the
// bytes that have arrived, never with the length that a peer has announced.
type receiver struct {
	peer    *Peer
	limit   int                           // bytes of all frames of a message
	batch   int                           // messages in a batch
	wanted  *prefix.Set                   // messages that match none of them are left out; nil: all are wanted
	raw     bool                          // batches tell where their messages lie
	command func(name, data []byte) error // obeys a command

	block   *block
	start   int // first byte that no batch has taken: where the unfinished message begins
	end     int // end of the bytes read
	scanned int // up to here commands have been obeyed already
	size    int // of the next block
	small   int // reads in a row that a much smaller block would have held
}

func newReceiver(limit, batch int) *receiver {
	return &receiver{limit: limit, batch: batch, block: newBlock(minBlock), size: minBlock}
}

// space returns where to read to: never empty.
func (r *receiver) space() []byte {
	if r.start == r.end && r.block.exclusive() {
		r.start, r.end, r.scanned = 0, 0, 0 // everything in it was taken and given back
	}
	if len(r.block.buf)-r.end < len(r.block.buf)/4 || (r.end == 0 && len(r.block.buf) != r.size) {
		r.move()
	}
	return r.block.buf[r.end:]
}

// filled tells that n bytes have been read into space.
func (r *receiver) filled(n int) {
	switch {
	case n == len(r.block.buf)-r.end: // the peer has more than fits: read more at once
		r.size, r.small = min(4*r.size, maxBlock), 0
	case n > r.size/wasted:
		r.small = 0
	default:
		if r.small++; r.small == enough {
			r.size, r.small = max(r.size/4, minBlock), 0
		}
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

// partial is a message whose frames are being parsed.
type partial struct {
	frames, size int  // so far
	commands     int  // bytes of commands between its frames
	reserved     byte // bits of its frames' flags that mean nothing yet
}

// parse returns the next batch of the bytes read so far, or nil when there is no whole message left. The
// error says why the stream cannot be followed any further; the batch before it is good.
func (r *receiver) parse() (*Batch, error) {
	b := batches.Get().(*Batch)
	pos, err, m := r.start, error(nil), partial{}
	for m.frames > 0 || (len(b.ends) < r.batch && len(b.frames) < maxBatchFrames) {
		var flags byte
		var body []byte
		var n int
		flags, body, n, err = r.decode(pos, m)
		if err != nil || n > r.end-pos {
			break
		}
		if flags&zmtp.Command != 0 && m.frames == 0 && len(b.ends) > 0 {
			break // it is obeyed when what came before it has been received
		}
		pos += n
		if flags&zmtp.Command != 0 {
			if err = r.obey(body, pos, &m); err != nil {
				break
			}
		} else {
			b.frames = append(b.frames, body)
			m.frames++
			m.size += len(body)
			m.reserved |= flags &^ zmtp.More
			if flags&zmtp.More == 0 {
				b.finish(r.wanted)
				r.locate(b, pos, m)
				m = partial{}
			} else if m.frames >= maxFrames {
				err = fmt.Errorf("a message of more than %d frames", maxFrames)
				break
			}
		}
		if m.frames == 0 {
			r.start = pos
		}
	}
	b.truncate() // an unfinished message is parsed again when the rest has come
	b.peer, b.block = r.peer, r.block
	r.block.refs.Add(1)
	if len(b.ends) == 0 {
		b.Release()
		return nil, err
	}
	return b, err
}

// locate notes where the message lies that ends at pos. One that is interrupted by commands or has flags of which nobody knows what they
// mean is not to be passed on as it came.
func (r *receiver) locate(b *Batch, pos int, m partial) {
	switch {
	case !r.raw:
	case m.commands > 0 || m.reserved != 0:
		b.raw = append(b.raw, extent{})
	default:
		b.raw = append(b.raw, extent{r.start, pos})
	}
}

// decode decodes the frame at pos, under the limit that the rest of its message leaves it.
func (r *receiver) decode(pos int, m partial) (flags byte, body []byte, n int, err error) {
	b := r.block.buf[pos:r.end]
	limit := r.limit - m.size
	isCommand := len(b) > 0 && b[0]&zmtp.Command != 0
	if isCommand {
		limit = maxCommand
	}
	flags, body, n, err = zmtp.DecodeFrame(b, limit)
	if err != nil && !isCommand {
		err = fmt.Errorf("a message of more than %d bytes (raise --max-message-size if it is legitimate): %w", r.limit, err)
	}
	return flags, body, n, err
}

// obey obeys a command that ends at pos, once: the bytes of an unfinished message are parsed again
// when more has come, and a command may stand between its frames (libzmq sends PING so).
func (r *receiver) obey(body []byte, pos int, m *partial) error {
	if m.frames > 0 {
		m.commands += len(body)
		if m.commands > maxCommand {
			return errors.New("a message that is interrupted by commands again and again")
		}
	}
	if pos <= r.scanned {
		return nil
	}
	r.scanned = pos
	name, data, err := zmtp.ParseCommand(body)
	if err != nil {
		return err
	}
	return r.command(name, data)
}
