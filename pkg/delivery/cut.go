package delivery

import (
	"bytes"
	"hash/maphash"
	"slices"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"
)

// What comes again over another connection.
//
// When its connection is cut, rsyslog's omrelp opens another one. The first thing that it sends there is what was not
// answered, in order (relpSessTryReestablish of librelp 1.11). Those lines have numbers, may have been stored, and must
// not be taken for new ones. Nothing but their bytes and their place tells them:
//
//   - The lines that were not answered are certain to come again. Before them come those whose answers omrelp has not
//     read, because the cut threw them away. Which these are, and whether there are any, is not known.
//   - A new connection may be that of the cut one's client, of another client, or of a new process that knows nothing
//     of it. Its first line decides: that has to be the first line that was not answered, or an answered one before it.
//   - Each line after that has to be a later one of the cut connection. With the first that is not, or with the last of
//     the cut connection's lines, the client has begun to send what is new.
//
// A line taken for a repeat wrongly would be lost. One taken for new wrongly is stored twice. Where the text does not
// tell, as at answered lines with nothing unanswered after them, a line is therefore new.

const (
	// cutTail is how many answered lines before the first unanswered one are remembered of a cut connection.
	cutTail = 4096
	// cutAge is how long a cut connection is remembered. rsyslog suspends a failing action for 30 minutes at most,
	// unless action.resumeIntervalMax says otherwise.
	cutAge = 3600 // seconds
	// maxCuts and maxCutBytes are how many cut connections, and how many bytes of their lines, are remembered. The
	// oldest connections are forgotten first, but not the last one.
	maxCuts     = 64
	maxCutBytes = maxStreamed
)

// cut is a connection that was cut.
type cut struct {
	at    int64 // when
	lines []cutLine
	bytes int
	first int           // the first that was not answered
	left  int           // lines that have not come again, from first on
	own   bool          // the entries have memory of their own
	last  journal.Ref   // once they have: the last record in the journal that is to stay
	mixed bool          // they are those of several connections, of an earlier process
	where map[key][]int // the places of a text in lines, ascending
}

type cutLine struct {
	entry *entry // nil: it was answered before the account was last empty
	taken bool   // it came again
}

// key stands for a line's text. That two texts have the same one does not happen: it has 64 bits, and no client knows
// the seed.
type key uint64

var keySeed = maphash.MakeSeed()

func keyOf(line []byte) key { return key(maphash.Bytes(keySeed, line)) }

// keep remembers the lines of a connection, which are all answered: their memory is about to be used again.
func (st *Stream) keep() {
	for _, e := range st.lines[max(len(st.lines)-cutTail, 0):] {
		st.kept = append(st.kept, keyOf(e.line))
	}
	if len(st.kept) > 2*cutTail {
		st.kept = append(st.kept[:0], st.kept[len(st.kept)-cutTail:]...)
	}
	clear(st.lines)
	st.lines, st.answered = st.lines[:0], 0
}

// resumption is how far a connection has sent again what a cut one had brought.
type resumption struct {
	searching bool // nothing was accepted yet: its first line decides which cut connection it goes on with
	cut       *cut // that one; nil: none, or all of it has come again
	last      int  // the place in it of the last line that came again
}

// newCut makes a cut of lines that are kept, and after these of entries, of which the given one is the first that was
// not answered.
func newCut(kept []key, entries []*entry, first int, now int64) *cut {
	c := &cut{at: now, first: len(kept) + first, left: len(entries) - first, where: make(map[key][]int)}
	for _, k := range kept {
		c.add(k, nil)
	}
	for _, e := range entries {
		c.add(keyOf(e.line), e)
		c.bytes += len(e.line)
	}
	return c
}

func (c *cut) add(k key, e *entry) {
	c.where[k] = append(c.where[k], len(c.lines))
	c.lines = append(c.lines, cutLine{entry: e})
}

// cut remembers a connection that was cut. If it was itself sending again what an earlier one had brought, the rest of
// that comes after its own lines. The caller holds mu.
func (s *Streams) cut(st *Stream) {
	if c := st.resumed.cut; c != nil && c.mixed {
		c.giveBack(st.lines[st.answered:])
		return
	}
	from := max(st.answered-cutTail, 0)
	entries := append([]*entry(nil), st.lines[from:]...)
	if c := st.resumed.cut; c != nil {
		for i := st.resumed.last + 1; i < len(c.lines); i++ {
			if l := &c.lines[i]; !l.taken && i >= c.first {
				l.taken = true
				c.left--
				entries = append(entries, l.entry)
			}
		}
		s.forgetDone()
	}
	if first := st.answered - from; first < len(entries) {
		kept := st.kept[max(len(st.kept)+first-cutTail, 0):]
		s.cuts = append(s.cuts, newCut(kept, entries, first, s.now()))
	}
	s.forget(s.beyond())
}

// giveBack notes that lines of a connection that was cut while it sent them again come once more. The others are those
// of other clients, too.
func (c *cut) giveBack(entries []*entry) {
	for _, e := range entries {
		for _, at := range c.where[keyOf(e.line)] {
			if l := &c.lines[at]; l.taken && l.entry == e {
				l.taken = false
				c.left++
			}
		}
	}
}

// beyond returns how many of the oldest cut connections are more than are remembered.
func (s *Streams) beyond() int {
	bytes := 0
	for i := len(s.cuts) - 1; i >= 0; i-- {
		if bytes += s.cuts[i].bytes; i < len(s.cuts)-1 && (bytes > maxCutBytes || len(s.cuts)-i > maxCuts) {
			return i + 1
		}
	}
	return 0
}

// resume returns the entry of a line that comes again, or nil if it is new. The caller holds mu.
func (s *Streams) resume(st *Stream, line []byte) *entry {
	r := &st.resumed
	if r.searching {
		r.searching = false
		s.expire()
		for _, c := range s.cuts {
			if at := c.begin(line); at >= 0 {
				r.cut = c
				return s.take(st, at, line)
			}
		}
		return nil
	}
	if r.cut == nil {
		return nil
	}
	places := r.cut.where[keyOf(line)]
	next, _ := slices.BinarySearch(places, r.last+1)
	for _, at := range places[next:] {
		if !r.cut.lines[at].taken {
			return s.take(st, at, line)
		}
	}
	r.cut = nil
	return nil
}

// begin returns the place of the line with which a client begins to send again; -1: it is none of this connection.
func (c *cut) begin(line []byte) int {
	begins := -1
	for _, at := range c.where[keyOf(line)] {
		switch {
		case c.lines[at].taken:
		case c.mixed || at == c.first:
			return at
		case at < c.first:
			begins = at
		}
	}
	return begins
}

// take notes that a line has come again, and returns its entry.
func (s *Streams) take(st *Stream, at int, line []byte) *entry {
	c := st.resumed.cut
	l := &c.lines[at]
	l.taken = true
	st.resumed.last = at
	if at >= c.first {
		if c.left--; c.left == 0 {
			s.forgetDone()
		}
	}
	if l.entry == nil {
		return &entry{line: bytes.Clone(line), state: confirmed, sent: true}
	}
	s.sender.mu.Lock()
	defer s.sender.mu.Unlock()
	switch l.entry.state {
	case inFlight:
		s.sender.expect(l.entry.conn)
	case refused:
		l.entry = s.sender.retake(l.entry)
	}
	return l.entry
}

// forgetDone forgets the connections of which all has come again.
func (s *Streams) forgetDone() {
	left := s.cuts[:0]
	for _, c := range s.cuts {
		if c.left > 0 {
			left = append(left, c)
			continue
		}
		for st := range s.open {
			if st.resumed.cut == c {
				st.resumed.cut = nil
			}
		}
	}
	clear(s.cuts[len(left):])
	s.cuts = left
}

// expire forgets the connections that were cut too long ago.
func (s *Streams) expire() {
	n := 0
	for n < len(s.cuts) && s.now()-s.cuts[n].at > cutAge {
		n++
	}
	s.forget(n)
}

// forget forgets the oldest n cut connections: rsyslog will not send again what they have brought.
func (s *Streams) forget(n int) {
	for _, c := range s.cuts[:n] {
		for i := range c.lines {
			if l := &c.lines[i]; l.entry != nil && !l.taken {
				l.entry.ref.Settle()
			}
			c.lines[i].taken = true
		}
		c.left = 0
	}
	if n > 0 {
		s.forgetDone()
	}
}

// detach gives the lines that have not come again memory of their own: that of the account is about to be used again.
// It is done once, and not each time that the account is emptied: a client may stay away for an hour.
func (c *cut) detach() {
	if c.own {
		return
	}
	c.own = true
	last := uint64(0) // records lie in the journal in the order of their numbers
	for i := range c.lines {
		l := &c.lines[i]
		if l.taken || l.entry == nil {
			l.entry = nil
			continue
		}
		l.entry = &entry{seq: l.entry.seq, line: bytes.Clone(l.entry.line), ref: l.entry.ref, state: l.entry.state, sent: true}
		if l.entry.ref.Journaled() && i >= c.first && l.entry.seq > last {
			last, c.last = l.entry.seq, l.entry.ref
		}
	}
}
