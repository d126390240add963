// Package omprog is a plugin's side of the conversation with rsyslog's omprog module: one line per message on
// standard input, one line in reply to each on standard output.
//
//	rsyslog              plugin
//	                     OK                          ready
//	BEGIN TRANSACTION    OK                          with useTransactions="on"
//	a message            DEFER_COMMIT
//	COMMIT TRANSACTION   OK, or a failure's text     all of the transaction, or none
//	a message            OK, or a failure's text     outside a transaction
//
// Dots may precede a reply: each shows that the plugin lives, and restarts rsyslog's confirmTimeout. Any other text
// is a failure: rsyslog sends the message, or each message of the transaction, again. A failure in the middle of a
// transaction would lose the messages before it, so none is ever reported there.
//
// Source: the documentation "Writing Output Plugins" (plugins/external/INTERFACE.md) and the behaviour of
// plugins/omprog/omprog.c, both of rsyslog 8.2302.
package omprog

import (
	"bytes"
	"fmt"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

// Replies.
const (
	replyOK    = "OK\n"
	replyDefer = "DEFER_COMMIT\n"
	replyDot   = "."
)

// The marks that omprog sends unless its beginTransactionMark and commitTransactionMark say otherwise.
const (
	DefaultBeginMark  = "BEGIN TRANSACTION"
	DefaultCommitMark = "COMMIT TRANSACTION"
)

const (
	keepAlive  = time.Second // between dots; omprog's confirmTimeout is 10 s by default
	maxDots    = 3000        // omprog reads at most 4,095 bytes of one reply, dots included
	maxFailure = 1000        // bytes of a failure's text

	// rsyslog sends again at once what has failed. Where a receiver refuses a message each time, the second failure
	// in a row therefore waits, and each one after it twice as long. Otherwise the whole path would be busy with
	// nothing else.
	refusalFirst = 100 * time.Millisecond
	refusalMax   = 5 * time.Second

	// How much is accepted before it is submitted. Each Submit wakes other goroutines while rsyslog waits for
	// replies: with 64 lines the conversation was a third slower (bench/run -rows omprog).
	gatherLines = 256
	gatherBytes = 64 << 10
)

// Ledger owes what was accepted until it is confirmed. Its methods do not block.
type Ledger interface {
	// Accept owes a line from now on, and copies it. deferrable reports whether DEFER_COMMIT may be answered before
	// the line is confirmed: it would survive this process, or it was not asked to.
	Accept(line []byte) (deferrable bool)
	// Opened is called after a BEGIN, with the number of transactions that are open now.
	Opened(open int)
	// Closing is called after a COMMIT was read, with the number of other transactions that are open.
	Closing(open int)
	// Submit hands over what was accepted.
	Submit()
	// Ready returns nil when a transaction can begin, else the reason why not.
	Ready() error
	// Poll learns what is not notified by itself.
	Poll()
	// Outcome reports whether everything submitted is settled. Settled without an error: all is confirmed. Settled
	// with an error: a message was refused. If it is not settled, the error says what is missing.
	Outcome() (settled bool, err error)
	// Answering is called just before a reply about accepted lines is written, and with journal.NoReply when that
	// failed.
	Answering(reply journal.Reply)
	// Committed is called when rsyslog has been told OK for everything accepted.
	Committed()
	// Failed is called when rsyslog has been told of a failure, and will send the lines again. alone: no other
	// transaction is open.
	Failed(alone bool)
	// BeginFailed is called when rsyslog has been told that a transaction cannot begin.
	BeginFailed()
	// Pipes is called at the beginning and when rsyslog has closed its pipes.
	Pipes(now journal.Pipes)
}

// Config configures a Machine.
type Config struct {
	BeginMark, CommitMark string
	SendTimeout           time.Duration // how long a reply may wait
	MaxLine               int           // bytes; longer lines are cut, at a UTF-8 boundary
	// ReplyFirst: DEFER_COMMIT is written before the line is accepted. It is for ledgers without a journal: the line
	// would die with this process either way. rsyslogd goes to sleep if it has to wait for a microsecond.
	ReplyFirst bool
	Truncated  func(line int) // called for a cut line, with its length as far as it was read
	Outcome    func(Outcome)  // called before a reply that ends a transaction, or a wait for its beginning; nil: no call
}

// Outcome is what rsyslog is told about a transaction, or about a message outside one.
type Outcome struct {
	Lines   int           // accepted since the last one
	Took    time.Duration // from COMMIT, or from the message, to the reply
	Failure string        // the text; "": OK
}

// Machine is the conversation's state. It does no input or output and has no clock: Line takes what rsyslog says,
// Poll takes the time. After Line, while Waiting, rsyslog must not be read from; Poll finds how the wait ends.
// Replying comes before a whole reply is written, Replied after it: the ledger must not hear of an OK that rsyslog
// may never have got.
type Machine struct {
	cfg      Config
	ledger   Ledger
	begin    []byte
	commit   []byte
	open     int    // transactions begun and not committed: several workers may share the pipe
	late     []byte // the line whose reply is written first
	isLate   bool   // there is one
	lines    int    // accepted since the last Submit
	bytes    int
	wait     wait
	since    time.Time
	now      time.Time // of the last Poll
	batch    int       // lines accepted since the last Outcome
	dots     int
	about    journal.Reply // what the reply under way tells rsyslog about accepted lines
	failing  bool          // it is a failure for accepted lines
	barring  bool          // it is a failure of BEGIN
	refusals int           // failures in a row because a message was refused
}

// wait is what a reply waits for.
type wait int

const (
	waitNone    wait = iota
	waitBegin        // a peer
	waitCommit       // everything accepted to be confirmed
	waitMessage      // the same, outside a transaction
	waitLine         // the same, inside one: the line would not survive this process
)

// NewMachine begins a conversation. Its first reply is Hello.
func NewMachine(cfg Config, ledger Ledger) *Machine {
	return &Machine{cfg: cfg, ledger: ledger, begin: []byte(cfg.BeginMark), commit: []byte(cfg.CommitMark)}
}

// Hello is the first reply, given at once: rsyslog's start never waits for the network.
func (m *Machine) Hello() string { return replyOK }

// Waiting reports whether rsyslog's last line has not been answered yet.
func (m *Machine) Waiting() bool { return m.wait != waitNone }

// Beginning reports whether a BEGIN waits: nothing of its transaction was accepted.
func (m *Machine) Beginning() bool { return m.wait == waitBegin }

// Line takes a line, without its line feed, and returns the reply, or "" when Poll will return it. The line may be
// reused after Replied, or when Line has returned "".
func (m *Machine) Line(line []byte) string {
	switch {
	case bytes.Equal(line, m.begin):
		// A BEGIN without a COMMIT before it is another worker's, or the earlier transaction broke: its lines stay
		// owed.
		m.open++
		m.ledger.Opened(m.open)
		if m.ledger.Ready() == nil {
			return replyOK
		}
		m.wait = waitBegin
	case bytes.Equal(line, m.commit):
		m.open = max(m.open-1, 0)
		m.Submit()
		m.ledger.Closing(m.open)
		m.wait = waitCommit
	case m.open > 0 && m.cfg.ReplyFirst:
		m.late, m.isLate, m.about = line, true, journal.Deferred
		return replyDefer
	case m.open > 0:
		if m.accept(line) {
			m.about = journal.Deferred
			return replyDefer
		}
		m.Submit()
		m.wait = waitLine
	default:
		m.accept(line)
		m.Submit()
		m.wait = waitMessage
	}
	m.since, m.dots = time.Time{}, 0
	return ""
}

func (m *Machine) accept(line []byte) (deferrable bool) {
	line = m.cut(line)
	deferrable = m.ledger.Accept(line)
	m.lines++
	m.batch++
	m.bytes += len(line)
	return deferrable
}

// Due reports whether enough was gathered to Submit it. It is called after the reply is out: rsyslog goes to sleep
// when it has to wait for one.
func (m *Machine) Due() bool { return m.lines >= gatherLines || m.bytes >= gatherBytes }

// Submit hands over what was gathered.
func (m *Machine) Submit() {
	if m.lines > 0 {
		m.ledger.Submit()
	}
	m.lines, m.bytes = 0, 0
}

// isMark reports whether a line begins or ends a transaction.
func (m *Machine) isMark(line []byte) bool {
	return bytes.Equal(line, m.begin) || bytes.Equal(line, m.commit)
}

func (m *Machine) cut(line []byte) []byte {
	if len(line) <= m.cfg.MaxLine {
		return line
	}
	m.cfg.Truncated(len(line))
	return message.Cut(line, m.cfg.MaxLine)
}

// Poll returns what to say while Waiting: a dot, a reply, or "" for nothing yet. It also returns when to poll again
// at the latest, if the ledger does not notify a change before.
func (m *Machine) Poll(now time.Time) (say string, again time.Time) {
	if m.since.IsZero() {
		m.since = now
	}
	m.now = now
	m.ledger.Poll()
	settled, err := m.outcome()
	deadline := m.since.Add(min(m.cfg.SendTimeout, maxDots*keepAlive))
	if settled && err != nil {
		deadline = m.since.Add(min(m.cfg.SendTimeout, m.pause()))
	}
	switch {
	case settled && err == nil:
		return m.succeed(), time.Time{}
	case settled && !now.Before(deadline):
		if m.wait != waitLine {
			m.refusals++
		}
		return m.fail(err.Error()), time.Time{}
	case !now.Before(deadline):
		return m.fail(fmt.Sprintf("%v after %v", err, deadline.Sub(m.since))), time.Time{}
	}
	nextDot := m.since.Add(time.Duration(m.dots+1) * keepAlive)
	if !now.Before(nextDot) {
		m.dots++
		say, nextDot = replyDot, m.since.Add(time.Duration(m.dots+1)*keepAlive)
	}
	if deadline.Before(nextDot) {
		nextDot = deadline
	}
	return say, nextDot
}

// pause is how long the next failure for a refused message waits.
func (m *Machine) pause() time.Duration {
	if m.refusals == 0 || m.wait == waitLine { // a refusal in mid-transaction is reported at COMMIT
		return 0
	}
	const most = 10 // doublings, so that the shift does not overflow
	return min(refusalFirst<<min(m.refusals-1, most), refusalMax)
}

// Abandon ends a wait with a failure: the program has to end and cannot wait any longer. A line that would not
// survive it is given back, even from the middle of a transaction: the lines before it are confirmed or journaled.
func (m *Machine) Abandon(reason string) string {
	_, err := m.outcome()
	text := fmt.Sprintf("%s: %v", reason, err)
	if m.wait == waitLine {
		m.wait = waitNone
		return failure(text)
	}
	return m.fail(text)
}

func (m *Machine) outcome() (settled bool, err error) {
	if m.wait == waitBegin {
		err = m.ledger.Ready()
		return err == nil, err
	}
	return m.ledger.Outcome()
}
