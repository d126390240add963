package zmq

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq/zmtp"
)

// A message of more than Config.MaxMessage bytes is cut: its sender would send it again and again if that ended the
// connection, and nothing after it would arrive. The last frame, which is the payload, keeps what fits, without an
// incomplete UTF-8 character at its end. A frame before it that does not fit is left empty, and its room goes to
// those after it: the beginning of a topic would be another topic. What is left out is read and thrown away. A PUB or
// XPUB cuts nothing, because the beginning of a subscription would ask for more.

// farTooLong is how many times MaxMessage, or its default if that is more, a message may announce. A sender with
// default settings is thus always understood. What announces more comes from a stranger, and ends the connection:
// reading all of it would cost more than a new connection does.
const farTooLong = 16

// oversize is what a receiver knows of the too long message that it is reading.
type oversize struct {
	left uint64 // bytes of its frames that are left out
	skip uint64 // how many of them are still to come; nothing is parsed before they have
}

// tooLong cuts the frame at m.end, which err says is longer than limit, or returns what to do about it. more is that of
// parseFrame.
func (r *receiver) tooLong(m *partial, limit int, err error) (more bool, _ error) {
	wire := r.block.buf[m.end:r.end]
	var frame *zmtp.TooLongError
	if isCommand(wire) || !errors.As(err, &frame) {
		return false, err
	}
	if err := r.farTooLong(frame, m.size); err != nil {
		return false, err
	}
	header, keep := zmtp.HeaderSize(wire), 0
	if wire[0]&zmtp.More == 0 {
		if len(wire) <= header+limit {
			r.wants(m.end + header + limit + 1)
			return false, nil
		}
		keep = len(message.Cut(wire[header:header+limit+1], limit))
	}
	zmtp.Resize(wire, keep)
	r.over.skip = frame.Size - uint64(keep)
	r.over.left += r.over.skip
	r.skip(m.end + header + keep)
	return r.over.skip == 0, nil
}

// farTooLong returns an error if the frame, of a message whose frames before it have size bytes, must not be cut.
func (r *receiver) farTooLong(frame *zmtp.TooLongError, size int) error {
	most := farTooLong * uint64(max(r.maxMessage, DefaultMaxMessage))
	if r.cuts && frame.Size <= most && frame.Size+uint64(size)+r.over.left <= most {
		return nil
	}
	return fmt.Errorf("a message of more than %d bytes (raise --max-message-size if it is legitimate): %w",
		r.maxMessage, frame)
}

// skip removes the bytes from at on that are to be left out, as far as they have arrived.
func (r *receiver) skip(at int) {
	n := int(min(r.over.skip, uint64(r.end-at)))
	copy(r.block.buf[at:], r.block.buf[at+n:r.read])
	r.end -= n
	r.read -= n
	r.over.skip -= uint64(n)
	if r.sealed != nil {
		r.over.skip -= r.sealed.takeSkipped(r.over.skip)
	}
	r.wants(r.end + int(min(r.over.skip, maxBlock))) // in large reads, and not beyond the frame
}

// cut counts a message that was cut, and logs it.
func (p *Peer) cut(size uint64) {
	p.socket.truncated.Add(1)
	p.socket.strangers.Write(slog.LevelWarn, "message cut: it is longer than --max-message-size, "+
		"which can be raised here or lowered at its sender",
		"peer", p.remote, "size", size, "limit", p.socket.cfg.MaxMessage)
}

// Truncated returns how many received messages were cut because they were longer than Config.MaxMessage.
func (s *Socket) Truncated() uint64 { return s.truncated.Load() }
