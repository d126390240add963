package delivery

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/statistics"
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
	Endpoint() string            // where it leads to: the same endpoint is the same receiver. "": not known
	Queue(frames ...[]byte) bool // takes a message, without blocking, and copies it; false: not now
	Written() uint64             // messages given to this link that our kernel has taken
	Acknowledged(n uint64) bool  // whether the peer's kernel has acknowledged all n messages ever given to this link
	Drop(reason error)           // ends the connection, without waiting; Sender.Down follows
}

// Transport chooses among the links.
type Transport interface {
	// Queue gives a message to a link that can take one now, without blocking, and copies it; nil when none can.
	Queue(frames ...[]byte) Link
	// Flush sends what was queued.
	Flush()
}

// maxBacklog is how many bytes of lines may be unconfirmed when another transaction begins. A transaction that has
// begun is accepted whole.
const maxBacklog = 8 << 20

// SenderConfig configures a Sender.
type SenderConfig struct {
	Confirm Confirm
	Topics  message.Topics
	Logger  *slog.Logger
	Journal *journal.Log        // survives the process; nil: what is owed dies with it
	Lost    func(reason string) // called for a message that is given up: see Pipes. It must not block. nil: no call
	Splits  func() bool         // reports whether rsyslog is of a release that BeginFailed speaks of; nil: it is not
	Streams bool                // the lines come over connections: see Streams

	Away  func() string         // says, for people, which receivers are away and why; it must not call the Sender. nil: nothing
	Clock func() int64          // nanoseconds since any moment; nil: all lines are of age 0
	Ages  *statistics.Histogram // of the confirmed lines, from when they were accepted, by Clock; nil: not observed
	Sizes *statistics.Histogram // with Streams: how many lines were accepted together
}

// Sender is the account of a conversation that owes lines: what was accepted is owed until it is confirmed, over
// however many connections that takes. When everything accepted is confirmed, Committed empties the account. It is
// the only writer of its journal.
//
// Accept, Submit, Opened, Closing, Answering, Committed, Failed and Pipes belong to one goroutine, the conversation's.
// All other methods take the lock and may be called from any.
type Sender struct {
	cfg       SenderConfig
	transport Transport
	changed   chan struct{}

	staged  []*entry // accepted, not submitted yet
	arena   arena
	bytes   int // of the lines accepted since the account was last empty
	repeats repeats
	next    uint64 // sequence number of the next new line
	fresh   bool   // the transaction brought a line that is not a repeat
	shared  bool   // transactions of several workers were open at once

	mu          sync.Mutex
	owed        owed
	pending     []*entry            // to be given to a connection, in order
	held        map[string][]*entry // by endpoint: reserved for that receiver, which may have stored them
	connections map[Link]*connection
	recent      *connection // the one that connectionOf returned last; nil: none
	unconfirmed int
	refused     int // refused and not given back to rsyslog yet
	reason      string
	refusal     string            // the reason of the last refusal
	unread      bool              // rsyslog reads no replies: what is refused is lost
	parked      []*entry          // orphans that were refused: see Retry
	turned      []*entry          // what was refused since the account was last empty: see Streams
	reasons     map[uint64]string // why, by number; removed when the stream was told
	restored    []*entry          // what an earlier process had not answered to a stream
	frames      [][]byte          // scratch
	scratch     []byte
	seq         [SeqSize]byte

	counters    Counters
	noDelimiter atomic.Uint64
	full        atomic.Pointer[noRoom] // nil: the journal had room for the last line, or there is none
}

// Counters are the totals of an account since it began.
type Counters struct {
	Received    uint64 // lines accepted, repeats not counted
	Confirmed   uint64 // of these
	Failed      uint64 // failures that rsyslog was told of
	Lost        uint64 // refused, and rsyslog reads no replies
	Resent      uint64 // messages sent once more
	NoDelimiter uint64 // lines without their topic's delimiter
}

var errOverdue = errors.New("the receiver has not answered in time; what it has not acknowledged is sent again")

// NewSender makes a Sender whose first line has the number 1, or the journal's next one.
func NewSender(cfg SenderConfig, transport Transport) *Sender {
	s := &Sender{cfg: cfg, transport: transport, changed: make(chan struct{}, 1), connections: make(map[Link]*connection), next: 1}
	if cfg.Journal != nil {
		s.next = cfg.Journal.Next()
	}
	s.owed.base = s.next
	return s
}

// clock returns the time by SenderConfig.Clock.
func (s *Sender) clock() int64 {
	if s.cfg.Clock == nil {
		return 0
	}
	return s.cfg.Clock()
}

// Changed receives after something has happened that the conversation may be waiting for.
func (s *Sender) Changed() <-chan struct{} { return s.changed }

// Accept owes a line from now on. The line is copied. A repeat gets the number that it had: see Failed. deferrable
// reports whether DEFER_COMMIT may be answered now: the line is journaled, or there is no journal.
func (s *Sender) Accept(line []byte) (deferrable bool) {
	if repeat := s.repeats.take(line); repeat != nil {
		s.again(repeat)
		return repeat.ref.Journaled() || s.cfg.Journal == nil
	}
	s.fresh = true
	_, deferrable = s.stage(line, s.clock())
	return deferrable
}

// stage makes the entry of a new line that came at that time of the clock. Submit hands it on. safe reports whether it
// is journaled, or there is no journal.
func (s *Sender) stage(line []byte, at int64) (e *entry, safe bool) {
	e = s.arena.entry()
	e.seq, e.at = s.next, at
	safe = s.copyLine(e, line)
	s.next++
	s.bytes += len(line)
	s.staged = append(s.staged, e)
	return e, safe
}

// Submit hands what was accepted to the connections, without blocking.
func (s *Sender) Submit() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.staged {
		s.owed.add(e)
		s.used(e.ref, len(e.line))
	}
	s.pending = append(s.pending, s.staged...)
	s.unconfirmed += len(s.staged)
	s.counters.Received += uint64(len(s.staged))
	clear(s.staged)
	s.staged = s.staged[:0]
	s.route()
}

// route gives pending messages to the connections for as long as they take them. The caller holds mu.
func (s *Sender) route() {
	given := s.returned()
	n := 0
	for _, e := range s.pending {
		to := s.transport.Queue(s.encode(e)...)
		if to == nil {
			break
		}
		s.gave(e, s.connectionOf(to))
		n++
	}
	if n > 0 {
		s.pending = behead(s.pending, n)
	}
	if given || n > 0 {
		s.transport.Flush()
	}
}

// gave accounts for a message that a connection has taken.
func (s *Sender) gave(e *entry, to *connection) {
	if e.sent {
		s.counters.Resent++
	}
	to.push(e)
	s.used(e.ref, len(e.line))
}

// behead removes the first n entries.
func behead(entries []*entry, n int) []*entry {
	rest := copy(entries, entries[n:])
	clear(entries[rest:])
	return entries[:rest]
}

// encode returns a message's frames, which are valid until the next call.
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
		logNoDelimiter(s.cfg.Logger, &s.cfg.Topics, &s.noDelimiter)
	}
	if s.cfg.Confirm == Stored && len(s.frames)-before == 1 {
		s.frames = append(s.frames[:before], nil, s.frames[before]) // an acknowledged message always has a topic's frame
	}
	return s.frames
}

// Poll learns what only the kernel knows, with --confirm received. It does not block.
func (s *Sender) Poll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cfg.Confirm == Received && s.unconfirmed > 0 {
		s.askKernel()
	}
}

// Outcome reports whether everything submitted is settled. Settled without an error: everything is confirmed.
// Settled with an error: a receiver has refused a message. If it is not settled, the error says what is missing.
func (s *Sender) Outcome() (settled bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.refused > 0:
		return true, fmt.Errorf("a receiver refused a message: %s", s.reason)
	case s.unconfirmed == 0:
		return true, nil
	case len(s.connections) == 0:
		return false, fmt.Errorf("%s%s", message.Count(s.unconfirmed, "message not confirmed: no peer is connected",
			"messages not confirmed: no peer is connected"), s.away())
	}
	return false, fmt.Errorf("%s %s: a destination may be away (see the receiver's log, or imzmq status there)",
		message.Count(s.unconfirmed, "message not confirmed by", "messages not confirmed by"), s.debtors())
}

// Ready returns nil when a transaction can begin: a peer is connected, and there is no large backlog.
func (s *Sender) Ready() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.connections) == 0 {
		return fmt.Errorf("no peer is connected%s", s.away())
	}
	if s.cfg.Streams {
		return s.readyForStreams()
	}
	if s.bytes > maxBacklog && s.unconfirmed > 0 {
		return errors.New(message.Count(s.unconfirmed, "message of an earlier transaction is not confirmed",
			"messages of earlier transactions are not confirmed"))
	}
	return nil
}

// away says which receivers are away, in parentheses.
func (s *Sender) away() string {
	if s.cfg.Away != nil {
		if text := s.cfg.Away(); text != "" {
			return " (" + text + ")"
		}
	}
	return ""
}

// Outstanding is the number of accepted messages that are neither confirmed nor refused.
func (s *Sender) Outstanding() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.unconfirmed + len(s.staged)
}

// Unconfirmed is the number of accepted messages that are not confirmed. A refused message that was given back to
// rsyslog is one of them until it comes again, or rsyslog is told OK for what followed: rsyslog 8.2302 forgets what
// fails while it is being stopped.
func (s *Sender) Unconfirmed() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.unconfirmed + s.refused + len(s.parked) + len(s.turned) + len(s.staged)
	for range s.repeats.refused() {
		n++
	}
	return n
}

// Committed is called when rsyslog has been told OK for everything. It empties the account.
func (s *Sender) Committed() {
	parks := s.shared || s.repeats.abandons(s.fresh) && s.cfg.Splits != nil && s.cfg.Splits()
	s.mu.Lock()
	s.abandoned(s.repeats.committed(s.fresh), parks)
	s.fresh, s.bytes = false, 0
	orphans := s.refusedOrphans()
	s.emptyJournal(orphans)
	s.owed.reset(s.next)
	for _, e := range orphans {
		s.owed.revive(e)
	}
	s.mu.Unlock()
	s.arena.reset(len(s.repeats.bySeq) > 0)
}

// Counters returns the totals.
func (s *Sender) Counters() Counters {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.counters
	c.NoDelimiter = s.noDelimiter.Load()
	return c
}

func (s *Sender) notify() {
	select {
	case s.changed <- struct{}{}:
	default: // an earlier notification has not been received yet and serves as well
	}
}
