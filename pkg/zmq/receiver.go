package zmq

import (
	"errors"
	"fmt"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/budget"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/prefix"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmtp"
)

// Bounds of what a peer may send.
const (
	// maxFrames is how many frames a message may have. Without it, empty frames would cost memory for nothing.
	maxFrames = 1024
	// maxBatchFrames is the number of frames from which on a batch takes no further message, for the same reason; it
	// is fewer if the block is small.
	maxBatchFrames = 4 * maxFrames
	// frameBytes is how many bytes of a block allow its batch a frame.
	frameBytes = 16
	// maxUpstream bounds the bytes of what is sent to a socket that only sends: a subscription is a short message.
	maxUpstream = maxCommand
	// maxCommand bounds the bytes of a command, and those of all commands between the frames of one message.
	maxCommand = 8 << 10
)

// receiver turns a connection's bytes into batches. Bytes are read into a block and parsed where they lie. Only
// what is left of an unfinished message is copied, when its block is full. A block grows with the bytes that
// have arrived, never with the length that a peer has announced.
type receiver struct {
	peer        *Peer
	maxMessage  int                           // bytes of all frames of a message
	maxMessages int                           // in a batch
	wanted      *prefix.Set                   // messages that match none of these are left out; nil: all are wanted
	refuse      func(topic []byte)            // is told of each message that is left out; or nil
	raw         bool                          // batches tell where their messages lie in the block
	command     func(name, data []byte) error // obeys a command
	cuts        bool                          // messages of more than maxMessage bytes are cut: see tooLong
	cut         func(size uint64)             // is told of each, with its bytes
	probed      bool                          // the first message may be a probe

	block   *block
	start   int // where the unfinished message begins: the first byte that no batch has taken
	end     int // end of the bytes read that are clear
	read    int // end of the bytes read: those after end are sealed (opening.go)
	scanned int // commands up to here have been obeyed
	size    int // of the next block, if there is memory for it; resize sets it
	most    int // largest size
	small   int // reads in a row that a much smaller block would have held
	over    oversize
	sealed  *opening // nil: everything arrives in clear

	memory     *budget.Input  // what larger blocks than the smallest are paid from; nil: they are free
	unfinished budget.Message // what the unfinished message holds of it
	holding    bool           // it holds something
	leading    bool           // what it holds may be of the reserve: nothing after it is read into its block
	need       int            // where the frame that has not arrived whole ends, as far as is known
	err        error          // why space has returned nothing
}

func newReceiver(maxMessage, maxMessages int) *receiver {
	return &receiver{maxMessage: maxMessage, maxMessages: maxMessages, block: newBlock(minBlock), size: minBlock, most: maxBlock}
}

// space returns where to read to. It waits for memory if the unfinished message needs more and there is none. It is
// empty only if the connection has ended meanwhile; err says why.
func (r *receiver) space() []byte {
	if r.start == r.read && r.block.exclusive() {
		r.start, r.end, r.read, r.scanned = 0, 0, 0, 0 // all of it was taken and released
	}
	r.share()
	size := len(r.block.buf)
	tight := size-r.read < size/4 && (r.start > 0 || size < r.longest() || size == r.read)
	if tight || (r.read == 0 && size != r.size) {
		r.move()
	}
	if r.err != nil {
		return nil
	}
	if r.leading && r.need > r.read {
		return r.block.buf[r.read:min(r.need, len(r.block.buf))]
	}
	return r.block.buf[r.read:]
}

// filled accounts for n bytes that have been read into space.
func (r *receiver) filled(n int) {
	switch {
	case n == len(r.block.buf)-r.read: // the peer has more than fits: read more at once
		r.resize(min(4*r.size, r.most))
	case n > r.size/wasted:
		r.small = 0
	default:
		if r.small++; r.small == enough {
			r.resize(max(r.size/4, minBlock))
		}
	}
	r.read += n
	if r.sealed == nil {
		r.end = r.read
		if r.over.skip > 0 {
			r.skip(r.end - n)
		}
	}
}

// move goes on in a new block and takes along the bytes of the unfinished message.
func (r *receiver) move() {
	rest := r.block.buf[r.start:r.read]
	next := r.next(len(rest))
	if next == nil {
		return
	}
	copy(next.buf, rest)
	r.block.release()
	r.block = next
	r.scanned, r.need = max(r.scanned-r.start, 0), r.need-r.start
	r.start, r.end, r.read = 0, r.end-r.start, len(rest)
}

// partial is a message whose frames are being parsed.
type partial struct {
	end      int  // where its frames so far end in the block
	frames   int  // their number
	size     int  // bytes of their bodies
	commands int  // bytes of the commands between them
	reserved byte // bits of their flags that have no meaning yet
}

// parse returns the next batch of the bytes read so far, or nil if they hold no further whole message. The
// error says why the stream cannot be followed any further; a batch that comes with an error is good.
func (r *receiver) parse() (*Batch, error) {
	if r.sealed == nil {
		return r.parseClear()
	}
	for {
		again := r.open()
		b, err := r.parseClear()
		if b != nil || err != nil {
			return b, err
		}
		if !again {
			return nil, r.sealed.err
		}
	}
}

// parseClear is parse for the bytes that are clear.
func (r *receiver) parseClear() (*Batch, error) {
	if r.over.skip > 0 {
		return nil, nil
	}
	b := newBatch(r.block)
	m := partial{end: r.start}
	var err error
	for more := true; more && err == nil && (m.frames > 0 || r.takesMore(b)); {
		more, err = r.parseFrame(b, &m)
	}
	if r.sealed != nil && m.end == r.end {
		r.sealed.size, r.sealed.exact = m.size, true
	}
	b.truncate() // an unfinished message is parsed again when more of it has arrived
	b.peer, b.block = r.peer, r.block
	r.block.refs.Add(1)
	if b.Len() == 0 {
		b.Release()
		return nil, err
	}
	return b, err
}

// takesMore reports whether a batch of whole messages takes another one.
func (r *receiver) takesMore(b *Batch) bool {
	return b.Len() < r.maxMessages && len(b.frames) < min(maxBatchFrames, len(r.block.buf)/frameBytes)
}

// parseFrame parses the frame at m.end. It returns false if the batch ends before it: because the frame has not
// arrived whole, or because it is a command that must not be obeyed before the batch has been received.
func (r *receiver) parseFrame(b *Batch, m *partial) (more bool, err error) {
	wire := r.block.buf[m.end:r.end]
	limit := r.maxMessage - m.size // what the rest of its message leaves it
	if isCommand(wire) {
		limit = maxCommand
	}
	flags, body, n, err := zmtp.DecodeFrame(wire, limit)
	if err != nil {
		return r.tooLong(m, limit, err)
	}
	if n > len(wire) {
		r.wants(m.end + n)
		return false, nil
	}
	if flags&zmtp.Command == 0 {
		m.end += n
		return true, r.addFrame(b, m, flags, body)
	}
	if m.frames == 0 && b.Len() > 0 {
		return false, nil
	}
	m.end += n
	return true, r.obey(body, m)
}

// wants notes where the frame ends that has not arrived whole.
func (r *receiver) wants(end int) {
	if r.sealed == nil {
		r.need = end
	}
}

// isCommand reports whether wire begins with a command.
func isCommand(wire []byte) bool { return len(wire) > 0 && wire[0]&zmtp.Command != 0 }

// addFrame adds a frame to the batch; its message, too, if it is the last one.
func (r *receiver) addFrame(b *Batch, m *partial, flags byte, body []byte) error {
	b.frames = append(b.frames, body)
	m.frames++
	m.size += len(body)
	m.reserved |= flags &^ zmtp.More
	if flags&zmtp.More == 0 {
		if r.finish(b, m) {
			r.locate(b, m)
			if r.over.left > 0 {
				r.cut(uint64(m.size) + r.over.left)
			}
		}
		r.over.left = 0
		r.start = m.end
		r.settle()
		*m = partial{end: m.end}
	} else if m.frames >= maxFrames {
		return fmt.Errorf("a message of more than %d frames", maxFrames)
	}
	return nil
}

// finish makes a message of the frames, unless nobody wants it or it is a probe: an empty frame alone, as libzmq's
// DEALER, REQ and ROUTER send it first with ZMQ_PROBE_ROUTER (zmq_setsockopt(3)). It reports whether it has.
func (r *receiver) finish(b *Batch, m *partial) (kept bool) {
	if r.probed && m.frames == 1 && m.size == 0 {
		b.truncate()
	} else if topic := b.frames[b.last()]; !b.finish(r.wanted) {
		if r.refuse != nil {
			r.refuse(topic)
		}
	} else {
		kept = true
	}
	r.probed = false
	return kept
}

// locate notes where a finished message lies. One that is interrupted by commands, or has flags of unknown
// meaning, is not to be passed on as it arrived.
func (r *receiver) locate(b *Batch, m *partial) {
	switch {
	case !r.raw:
	case m.commands > 0 || m.reserved != 0:
		b.raw = append(b.raw, extent{})
	default:
		b.raw = append(b.raw, extent{r.start, m.end})
	}
}

// obey obeys a command that ends at m.end, once: the bytes of an unfinished message are parsed again when more have
// arrived, and a command may be between its frames (libzmq sends PING there).
func (r *receiver) obey(body []byte, m *partial) error {
	if m.frames == 0 {
		r.start = m.end
	} else if m.commands += len(body); m.commands > maxCommand {
		return errors.New("a message that is interrupted by commands again and again")
	}
	if m.end <= r.scanned {
		return nil
	}
	r.scanned = m.end
	name, data, err := zmtp.ParseCommand(body)
	if err != nil {
		return err
	}
	return r.command(name, data)
}
