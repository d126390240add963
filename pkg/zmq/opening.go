package zmq

import (
	"fmt"
	"math"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/curve"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmtp"
)

// Under CURVE, what is read into a receiver's block is opened where it lies, frame by frame, and takes the form that it
// would have in clear, which is shorter:
//
//	start                end                    read
//	  | frames, in clear  | sealed, not yet whole |
//
// Everything after that is the same as in clear. Of a frame that is too long to be kept, the beginning is kept sealed
// until all of it has passed by and is known to be genuine.

// opening is what a receiver needs to open what it reads.
type opening struct {
	opener *curve.Opener
	err    error // why nothing more is opened

	need  int  // how many bytes the frame has that has not arrived whole, as far as is known
	size  int  // of the bodies of the unfinished message, as parseClear has found it
	exact bool // nothing has been opened since

	cut     *curve.Cut // a frame that is being cut; nil: there is none
	kept    int        // how many bytes of it, header included, are kept at end
	left    int        // how many bytes of it have yet to pass by
	skipped uint64     // bytes that the last frame would have in clear, after those that are there
}

func newOpening(o *curve.Opener) *opening { return &opening{opener: o, exact: true} }

// takeSkipped takes as many bytes as are to be skipped from those that never were there.
func (o *opening) takeSkipped(most uint64) uint64 {
	n := min(o.skipped, most)
	o.skipped -= n
	return n
}

// open opens what has been read, as far as it can before it is parsed. It reports whether parsing may let it open more.
func (r *receiver) open() (again bool) {
	o, from := r.sealed, r.end
	o.need = 0
	for o.err == nil && o.skipped == 0 {
		n, err := r.openFrame(from)
		if o.err = err; n == 0 {
			break
		}
		from += n
		again, o.exact = true, false
	}
	if from > r.end { // between them is what sealing had added
		copy(r.block.buf[r.end:], r.block.buf[from:r.read])
		r.read -= from - r.end
	}
	r.need = r.end + o.need
	return again || !o.exact
}

// openFrame opens the frame at from and places what is in it at end. It returns how many sealed bytes it has taken; 0:
// it waits, for more bytes or for parseClear.
func (r *receiver) openFrame(from int) (taken int, err error) {
	o, wire := r.sealed, r.block.buf[from:r.read]
	if o.cut != nil {
		return r.goOnCutting(from)
	}
	_, message, n, err := zmtp.DecodeFrame(wire, math.MaxInt) // some peers set COMMAND outside, which means nothing
	if err != nil {
		return 0, err
	}
	if o.need = n; len(wire) < 2 || len(wire) < zmtp.HeaderSize(wire) {
		return 0, nil
	}
	header := zmtp.HeaderSize(wire)
	if size := n - header - curve.Overhead; size > maxCommand && size > r.maxMessage-(r.end-r.start) {
		if !o.exact {
			return 0, nil
		}
		if limit := r.maxMessage - o.size; size > limit {
			return r.beginCut(from, header, limit, size)
		}
	}
	if n > len(wire) {
		return 0, nil
	}
	flags, body, err := o.opener.Open(message)
	if err != nil {
		return 0, err
	}
	r.place(flags, len(body), body)
	return n, nil
}

// place puts a frame at end, in clear, whose header says size. There is room: sealed it is longer.
func (r *receiver) place(flags byte, size int, body []byte) {
	r.end += zmtp.PutHeader(r.block.buf[r.end:], flags, size)
	r.end += copy(r.block.buf[r.end:], body)
}

// beginCut begins to cut the frame at from, of whose body of size bytes its message has room for limit. One byte more
// is kept, as the cutting needs it: see tooLong.
func (r *receiver) beginCut(from, header, limit, size int) (taken int, err error) {
	o := r.sealed
	if err := r.farTooLong(&zmtp.TooLongError{Size: uint64(size), Limit: limit}, o.size); err != nil {
		return 0, err
	}
	if o.need = header + curve.Overhead + limit + 1; r.read-from < o.need {
		return 0, nil
	}
	o.kept, o.left = o.need, size-limit-1
	if o.cut, err = o.opener.Cut(r.block.buf[from+header : from+o.kept]); err != nil {
		return 0, err
	}
	return r.goOnCutting(from)
}

// goOnCutting lets pass what has arrived of the frame at from that is being cut. When all has, it places what was kept
// under a header that says how long the frame was.
func (r *receiver) goOnCutting(from int) (taken int, err error) {
	o, buf := r.sealed, r.block.buf
	at := from + o.kept
	n := min(o.left, r.read-at)
	o.cut.Skip(buf[at : at+n])
	copy(buf[at:], buf[at+n:r.read])
	r.read -= n
	if o.left -= n; o.left > 0 {
		o.need = o.kept + min(o.left, maxBlock)
		return 0, nil
	}
	header, size := zmtp.HeaderSize(buf[from:]), zmtp.BodySize(buf[from:])-curve.Overhead
	flags, body, err := o.cut.Open(buf[from+header : at])
	if err != nil {
		return 0, err
	}
	if flags&zmtp.Command != 0 {
		return 0, fmt.Errorf("a command of %d bytes", size)
	}
	o.cut = nil
	o.skipped = uint64(size - len(body))
	r.place(flags, size, body)
	return o.kept, nil
}
