package delivery

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

// Confirm is what has to happen to a message before it counts as confirmed.
type Confirm int

// The levels of confirmation.
const (
	Stored   Confirm = iota // the receiving program said that it has stored it
	Received                // the peer's kernel has acknowledged every byte
	Sent                    // our kernel has taken it for a connection
)

// Link is one connection to a receiver. Values must be comparable: one value is one connection.
type Link interface {
	Endpoint() string            // where it leads to; connections with the same lead to the same receiver. "": not known
	Queue(frames ...[]byte) bool // gives it a message, without blocking, and copies it; false: not now
	Written() uint64             // messages given to this link that the kernel has taken
	Acknowledged(n uint64) bool  // the other side's kernel has acknowledged the n messages ever given to this link
	Drop(reason error)           // end the connection, without waiting; Sender.Down follows
}

// Transport chooses among the links.
type Transport interface {
	// Queue gives a message to a link that can take one now, without blocking, and copies it; nil when none can.
	Queue(frames ...[]byte) Link
	// Flush sends what was queued.
	Flush()
}

// maxOwedBytes is the backlog behind which no further transaction is begun. One that has begun is accepted whole.
const maxOwedBytes = 8 << 20

// SenderConfig is what a Sender needs to know.
type SenderConfig struct {
	Confirm Confirm
	Topics  message.Topics
	Logger  *slog.Logger
	Journal *journal.Log // what is owed is kept in it; nil: it dies with the process
}

// Sender owes lines: what was accepted is owed until it is confirmed, over however many connections that takes.
// When everything accepted is confirmed, Committed empties its account.
//
// Accept, Submit, Committed and Failed belong to one goroutine, the conversation's; the methods named
// after events may be called from any other.
type Sender struct {
	cfg       SenderConfig
	transport Transport
	changed   chan struct{}

	staged  []*entry // accepted, not handed over yet
	arena   arena
	bytes   int  // of the lines accepted since the account was last empty
	full    bool // the journal had no room for the last line
	repeats repeats
	next    uint64 // sequence number of the next new line
	fresh   bool   // the transaction brought a line that is no repeat

	mu          sync.Mutex
	window      window
	pending     []*entry            // to be given to a link, in order
	held        map[string][]*entry // by endpoint: to be given to that receiver, which may have stored them
	links       map[Link]*link
	unconfirmed int
	refused     int // refused and not given back to rsyslog yet
	reason      string
	aside       []*entry // orphans that were refused: see Retry
	frames      [][]byte // scratch
	scratch     []byte
	seq         [SeqSize]byte

	counters Counters
}

// Counters are the totals of an account since it began.
type Counters struct {
	Received    uint64 // lines accepted, repeats not counted
	Confirmed   uint64 // of these
	Failed      uint64 // failures that rsyslog was told of
	Resent      uint64 // messages sent once more
	NoDelimiter uint64 // lines without their topic's delimiter
}

var errOverdue = errors.New("the receiver has not answered in time; what it owes is sent again")

// NewSender makes a Sender whose first line has the number 1, or the journal's next one.
func NewSender(cfg SenderConfig, transport Transport) *Sender {
	s := &Sender{cfg: cfg, transport: transport, changed: make(chan struct{}, 1), links: make(map[Link]*link), next: 1}
	if cfg.Journal != nil {
		s.next = cfg.Journal.Next()
	}
	s.window.base = s.next
	return s
}

// Changed receives after something has happened that the conversation may be waiting for.
func (s *Sender) Changed() <-chan struct{} { return s.changed }

// Accept owes a line from now on. The line is copied. One that rsyslog sends again keeps the number it had; see Failed. kept
// is false when there is a journal and it has no room for the line.
func (s *Sender) Accept(line []byte) (kept bool) {
	if record := s.repeats.take(line); record != nil {
		s.again(record)
		return record.ref.Kept() || s.cfg.Journal == nil
	}
	s.fresh = true
	e := s.arena.entry()
	e.seq = s.next
	kept = s.keep(e, line)
	s.next++
	s.bytes += len(line)
	s.staged = append(s.staged, e)
	return kept
}

// again takes a repeated line back into the account. If it was refused, it is sent again. If its receiver has not answered
// since before the failure, the connection is ended and what it owes is sent again on another: sent twice on one,
// nothing would tell which of the two an acknowledgement is for, and so how many messages it speaks for. A receiver that
// does not answer, and knows no numbers, is left alone while there is no other: it would only get everything twice.
func (s *Sender) again(record *record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cfg.Journal != nil {
		s.cfg.Journal.Take(record.ref)
	}
	e := s.window.find(record.seq)
	if e == nil && record.refused {
		e = &entry{seq: record.seq, line: []byte(record.line), ref: record.ref, state: refused, givenBack: true, sent: true}
		s.window.revive(e)
	}
	if e != nil && e.state == inFlight && e.link.overdue && (s.cfg.Confirm == Stored || len(s.links) > 1) {
		e.link.overdue = false
		e.link.to.Drop(errOverdue)
	}
	if e == nil || e.state != refused {
		return
	}
	if !e.givenBack {
		s.refused--
	}
	e.state, e.givenBack, record.refused = pending, false, false
	s.unconfirmed++
	s.pending = append(s.pending, e)
}

// Submit hands over what was gathered, without blocking.
func (s *Sender) Submit() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.staged {
		s.window.add(e)
	}
	s.pending = append(s.pending, s.staged...)
	s.unconfirmed += len(s.staged)
	s.counters.Received += uint64(len(s.staged))
	clear(s.staged)
	s.staged = s.staged[:0]
	s.route()
}

// route gives pending messages to the links for as long as they take them. The caller holds mu.
func (s *Sender) route() {
	given := s.returned()
	n := 0
	for _, e := range s.pending {
		to := s.transport.Queue(s.encode(e)...)
		if to == nil {
			break
		}
		s.gave(e, s.linkOf(to))
		n++
	}
	if n > 0 {
		s.pending = behead(s.pending, n)
	}
	if given || n > 0 {
		s.transport.Flush()
	}
}

// gave accounts for a message that a link has taken.
func (s *Sender) gave(e *entry, to *link) {
	if e.sent {
		s.counters.Resent++
	}
	to.push(e)
}

// behead takes the first n away.
func behead(entries []*entry, n int) []*entry {
	rest := copy(entries, entries[n:])
	clear(entries[rest:])
	return entries[:rest]
}

// encode returns a message's frames, which are good until the next call.
func (s *Sender) encode(e *entry) [][]byte {
	s.frames, s.scratch = s.frames[:0], s.scratch[:0]
	if s.cfg.Confirm == Stored {
		binary.BigEndian.PutUint64(s.seq[:], e.seq)
		s.frames = append(s.frames, s.seq[:])
	}
	var found bool
	before := len(s.frames)
	s.frames, s.scratch, found = s.cfg.Topics.AppendFrames(s.frames, s.scratch, e.line)
	if !found {
		sayNoDelimiter(s.cfg.Logger, &s.cfg.Topics, &s.counters.NoDelimiter)
	}
	if s.cfg.Confirm == Stored && len(s.frames)-before == 1 {
		s.frames = append(s.frames[:before], nil, s.frames[before]) // an acknowledged message always has a topic's frame
	}
	return s.frames
}

// Outcome says how it stands with everything that was submitted. settled with nil: everything is confirmed; settled with
// an error: a receiver has refused a message. If not settled, the error says what is missing.
func (s *Sender) Outcome() (settled bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cfg.Confirm == Received && s.unconfirmed > 0 {
		s.askKernel()
	}
	switch {
	case s.refused > 0:
		return true, fmt.Errorf("a receiver refused a message: %s", s.reason)
	case s.unconfirmed == 0:
		return true, nil
	case len(s.links) == 0:
		return false, fmt.Errorf("%d messages not confirmed: no peer is connected", s.unconfirmed)
	}
	return false, fmt.Errorf("%d messages not confirmed by %d connected peers, whose destinations may be away (their logs tell)", s.unconfirmed, len(s.links))
}

// Ready returns nil when a transaction can begin: there is somebody to send to, and no large backlog.
func (s *Sender) Ready() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.links) == 0 {
		return errors.New("no peer is connected")
	}
	if s.bytes > maxOwedBytes && s.unconfirmed > 0 {
		return fmt.Errorf("%d messages of earlier transactions are not confirmed", s.unconfirmed)
	}
	return nil
}

// Outstanding is the number of messages accepted of which nothing is known yet.
func (s *Sender) Outstanding() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.unconfirmed + len(s.staged)
}

// Unconfirmed is the number of messages accepted and neither confirmed nor given back.
func (s *Sender) Unconfirmed() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.unconfirmed + s.refused + len(s.aside) + len(s.staged)
}

// Committed tells that rsyslog has been told OK for everything: the account is empty.
func (s *Sender) Committed() {
	s.repeats.committed(s.fresh)
	s.fresh, s.bytes = false, 0
	s.mu.Lock()
	left := s.left()
	s.emptyJournal(left)
	s.window.reset(s.next)
	for _, e := range left {
		s.window.revive(e)
	}
	s.mu.Unlock()
	s.arena.reset()
}

// Failed tells that rsyslog was told of a failure: it sends the lines of that transaction again, and Accept will know
// them by their bytes. alone tells that no other transaction is open. Then every line in the account comes again, and
// what was refused is given back to rsyslog. Otherwise nothing says whose transaction has failed, so no line is taken
// for a repeat (one taken for a repeat wrongly would be lost, one taken for new wrongly is stored twice), and what was
// refused is sent once more.
func (s *Sender) Failed(alone bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counters.Failed++
	s.fresh = false
	if s.refused == 0 { // time has run out: what was waited for goes to others
		for _, l := range s.links {
			l.overdue = l.head < len(l.queue)
		}
		for endpoint := range s.held {
			s.release(endpoint)
		}
	}
	s.window.each(func(e *entry) {
		switch {
		case alone && !e.orphan:
			s.repeats.add(e)
			e.ref.Wait()
			e.givenBack = e.state == refused
		case e.state == refused && !e.givenBack && !e.orphan:
			e.state = pending
			s.unconfirmed++
			s.pending = append(s.pending, e)
		}
	})
	s.refused, s.reason = 0, ""
	if alone {
		s.repeats.failed()
	}
	s.route()
}

// Counters returns the totals.
func (s *Sender) Counters() Counters {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counters
}

func (s *Sender) notify() {
	select {
	case s.changed <- struct{}{}:
	default: // it has been told already
	}
}
