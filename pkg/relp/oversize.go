package relp

import (
	"errors"
	"io"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

// imrelp with oversizeMode="abort" ends the session at the header of a frame over its maxDataSize, without a word, and
// without the answers to what it has read together with that header (librelp's relpframe.c). The client therefore finds
// out by itself. After a session that has ended, it sends what was in flight in it one by one. A message at which the
// next sessions end, too, is taken to be too long, and is halved until one does not. A server that was away in between
// has perhaps ended the sessions for a reason of its own: that counts once.
//
// What was learnt holds until the server is away, as it is when its configuration changes: until then, messages that
// are known to be too long are cut before they are sent.
const (
	leastMax   = 480  // bytes: every receiver of syslog takes these (RFC 5424, 6.1)
	alone      = 2    // sessions in a row that end at one message, sent alone, before it is cut
	defaultMax = 8096 // bytes: what they are by default (rsyslog's glbl.c), tried before any lower limit
	tellPause  = time.Minute
)

type oversize struct {
	suspects int  // the first of pending that were in flight when a session ended, and are now sent one by one
	away     bool // the server has not been reached since then

	cuts    map[int][]byte // the messages of the batch that are cut, as they were
	struck  int            // the index of the one at which the last session ended
	strikes int            // how many have in a row
	halving int            // the index of the one that is being halved; below 0: none is
	failed  int            // its size when a session ended at it last, in bytes

	limit, tooLong int // bytes that fit, and that do not; 0: not known

	truncated atomic.Uint64 // messages
	untold    uint64        // how many of them were not logged
	told      time.Time     // when one was
}

// Truncated returns how many messages were cut because the server ends the session at longer ones. It may be called
// at any time.
func (c *Client) Truncated() uint64 { return c.over.truncated.Load() }

// begin prepares for a batch, all of which is pending.
func (o *oversize) begin() {
	o.suspects, o.strikes, o.halving = 0, 0, -1
	clear(o.cuts)
}

// cut cuts message i to limit bytes. It returns false when that does not make it shorter.
func (c *Client) cut(batch [][]byte, i, limit int) bool {
	o := &c.over
	whole, again := o.cuts[i]
	if !again {
		whole = batch[i]
	}
	var text []byte
	if c.Shorten != nil {
		text = c.Shorten(i, limit)
	} else {
		text = message.Cut(whole, limit)
	}
	if len(text) >= len(batch[i]) {
		return false
	}
	if !again {
		if o.cuts == nil {
			o.cuts = make(map[int][]byte)
		}
		o.cuts[i] = whole
		o.truncated.Add(1)
	}
	batch[i] = text
	return true
}

// restore undoes cut.
func (o *oversize) restore(batch [][]byte, i int) {
	if whole, cut := o.cuts[i]; cut {
		batch[i] = whole
		delete(o.cuts, i)
		o.truncated.Add(^uint64(0))
	}
}

// precut cuts the pending messages that are known to be too long.
func (c *Client) precut(batch [][]byte) {
	if c.over.tooLong == 0 {
		return
	}
	for _, i := range c.pending {
		if i < 0 || len(batch[i]) < c.over.tooLong {
			continue
		}
		if size := len(batch[i]); c.cut(batch, i, c.over.limit) {
			c.tell(size, len(batch[i]))
		}
	}
}

// portion returns how many of the first count of pending to send next: at most one whose size a server could mind, if
// some are suspected.
func (c *Client) portion(batch [][]byte, count int) int {
	if c.over.suspects == 0 {
		return count
	}
	count = min(count, c.over.suspects)
	for k, i := range c.pending[:count] {
		if c.over.suspicious(batch, i) {
			return k + 1
		}
	}
	return count
}

// suspicious reports whether message i can be too long.
func (o *oversize) suspicious(batch [][]byte, i int) bool {
	return len(batch[i]) > leastMax || o.halving == i
}

// answered takes note that a portion of count messages was answered.
func (c *Client) answered(batch [][]byte, count int) {
	o := &c.over
	o.suspects, o.strikes = max(o.suspects-count, 0), 0
	if o.halving < 0 {
		return
	}
	fits := len(batch[o.halving]) // it was the last of the portion
	o.limit, o.tooLong = max(o.limit, fits), o.failed
	c.tell(len(o.cuts[o.halving]), fits)
	o.halving = -1
	c.precut(batch)
}

// ended takes note that a session has ended with err while the first inFlight of pending were in flight in it. It
// reports whether one of them was cut, so that it should be sent again at once.
func (c *Client) ended(batch [][]byte, inFlight int, err error) (again bool) {
	o := &c.over
	if !errors.Is(err, io.EOF) && !errors.Is(err, errServerClosed) && !errors.Is(err, syscall.ECONNRESET) &&
		!errors.Is(err, syscall.EPIPE) {
		return false
	}
	if o.suspects == 0 || o.away {
		o.suspects, o.away = max(o.suspects, inFlight), false
		return false
	}
	for _, i := range c.pending[:inFlight] {
		if o.suspicious(batch, i) {
			if o.struck != i {
				o.struck, o.strikes = i, 0
			}
			if o.strikes++; o.strikes < alone {
				return false
			}
			return c.halve(batch, i)
		}
	}
	return false
}

// halve cuts the message at which sessions end. When that has not helped, it restores the message and returns false.
func (c *Client) halve(batch [][]byte, i int) bool {
	o, size := &c.over, len(batch[i])
	limit := max(size/2, leastMax)
	if limit < defaultMax && size > defaultMax {
		limit = defaultMax
	}
	if c.cut(batch, i, limit) {
		o.halving, o.failed = i, size
		return true
	}
	o.restore(batch, i)
	o.halving, o.away = -1, true
	return false
}

// unreachable takes note that the server is away. When it is back, it may take more.
func (c *Client) unreachable(batch [][]byte) {
	o := &c.over
	o.away, o.strikes, o.halving, o.limit, o.tooLong = true, 0, -1, 0, 0
	for _, i := range c.pending {
		o.restore(batch, i)
	}
}

// tell logs that a message was cut, not more often than once a minute.
func (c *Client) tell(size, limit int) {
	o := &c.over
	if o.untold++; time.Since(o.told) < tellPause {
		return
	}
	c.log.Warn("relp: message cut: imrelp ends the session at a longer one; raise its maxDataSize (and "+
		"global maxMessageSize), or give it oversizeMode=\"truncate\"", "size", size, "limit", limit, "messages", o.untold)
	o.told, o.untold = time.Now(), 0
}
