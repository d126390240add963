// Package omprog is a plugin's side of the conversation with rsyslog's omprog module: a line per message on
// standard input, a line in reply to each on standard output.
//
//	rsyslog              plugin
//	                     OK                          ready
//	BEGIN TRANSACTION    OK                          with useTransactions="on"
//	a message            DEFER_COMMIT
//	COMMIT TRANSACTION   OK, or a failure's text     all of the transaction, or none
//	a message            OK, or a failure's text     outside a transaction
//
// Dots may precede a reply: each shows that the plugin lives and restarts rsyslog's confirmTimeout. Any other
// text is a failure: rsyslog sends the message, or each message of the transaction, again. A failure in the
// middle of a transaction would lose the messages before it, so it is never reported there.
//
// Source: the documentation "Writing Output Plugins" (plugins/external/INTERFACE.md) and the behaviour of
// plugins/omprog/omprog.c, both of rsyslog 8.2302.
package omprog

import (
	"bytes"
	"fmt"
	"strings"
	"time"

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

	// rsyslog sends again at once what has failed. For messages that a receiver refuses each time, omzmq therefore lets the second failure in a
	// row wait, and each one after it twice as long: otherwise everything on the way would be busy with nothing else.
	refusalFirst = 100 * time.Millisecond
	refusalMax   = 5 * time.Second

	// What is gathered before it is handed over. Each hand-over wakes others while rsyslog is waiting for replies:
	// with 64 lines the conversation was a third slower (bench/run -rows omprog).
	gatherLines = 256
	gatherBytes = 64 << 10
)

// Ledger owes what was accepted until it is confirmed. Its methods do not block.
type Ledger interface {
	// Accept owes a line from now on, and copies it. kept: the line may be answered before it is confirmed; it would survive
	// this process, or nobody has asked for that.
	Accept(line []byte) (kept bool)
	// Opened and Closing tell of a BEGIN and a COMMIT, and how many transactions are open behind it.
	Opened(open int)
	Closing(open int)
	// Submit hands over what was accepted.
	Submit()
	// Ready returns nil when a transaction can begin, else why not.
	Ready() error
	// Outcome of everything submitted: settled with nil, all is confirmed; settled with an error, a
	// message was refused; not settled, the error says what is missing.
	Outcome() (settled bool, err error)
	// Committed tells that rsyslog has been told OK for everything accepted.
	Committed()
	// Failed tells that rsyslog has been told of a failure and will send the lines again. alone: no other transaction is open.
	Failed(alone bool)
}

// Config is what a Machine needs to know.
type Config struct {
	BeginMark, CommitMark string
	SendTimeout           time.Duration  // how long a reply may wait
	MaxLine               int            // bytes; longer lines are cut, at a UTF-8 boundary
	Truncated             func(line int) // told of a cut line's length, as far as it was read
}

// Machine is the conversation's state. It does no input or output and knows no clock: Line takes what rsyslog
// says, Poll the time. After Line, while Waiting, rsyslog must not be read from; Poll says how the wait ends. When a
// whole reply is out, Replied is told: the ledger must not hear of an OK that rsyslog may never have got.
type Machine struct {
	cfg      Config
	ledger   Ledger
	begin    []byte
	commit   []byte
	open     int // transactions begun and not committed: several workers may share the pipe
	lines    int // accepted since the last Submit
	bytes    int
	wait     wait
	since    time.Time
	dots     int
	told     verdict // what the reply under way says
	refusals int     // failures in a row because a message was refused
}

// wait is what a reply waits for.
type wait int

const (
	waitNone    wait = iota
	waitBegin        // a peer
	waitCommit       // everything accepted to be confirmed
	waitMessage      // the same, outside a transaction
	waitKept         // the same, inside one: the line would not survive us
)

// verdict is what a reply tells rsyslog about everything accepted.
type verdict int

const (
	nothing verdict = iota
	committed
	failed
)

// NewMachine begins a conversation. Its first reply is Hello.
func NewMachine(cfg Config, ledger Ledger) *Machine {
	return &Machine{cfg: cfg, ledger: ledger, begin: []byte(cfg.BeginMark), commit: []byte(cfg.CommitMark)}
}

// Hello is what a plugin says first, at once: rsyslog's start never waits for the network.
func (m *Machine) Hello() string { return replyOK }

// Waiting tells whether rsyslog's last line has not been answered yet.
func (m *Machine) Waiting() bool { return m.wait != waitNone }

// Beginning tells whether it is a transaction's begin that waits: nothing of it was accepted.
func (m *Machine) Beginning() bool { return m.wait == waitBegin }

// Line takes a line, without its line feed, and returns the reply, or "" when Poll will tell it. The line may be reused
// when Line returns.
func (m *Machine) Line(line []byte) string {
	switch {
	case bytes.Equal(line, m.begin):
		// A BEGIN without a COMMIT before it is another worker's, or the earlier transaction broke: both stay owed.
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
	case m.open > 0:
		if m.accept(line) {
			return replyDefer
		}
		m.Submit()
		m.wait = waitKept
	default:
		m.accept(line)
		m.Submit()
		m.wait = waitMessage
	}
	m.since, m.dots = time.Time{}, 0
	return ""
}

func (m *Machine) accept(line []byte) (kept bool) {
	line = m.cut(line)
	kept = m.ledger.Accept(line)
	m.lines++
	m.bytes += len(line)
	return kept
}

// Due tells that enough was gathered to Submit it. That is asked after the reply is out: rsyslog goes to
// sleep when it has to wait for one.
func (m *Machine) Due() bool { return m.lines >= gatherLines || m.bytes >= gatherBytes }

// Submit hands over what was gathered.
func (m *Machine) Submit() {
	if m.lines > 0 {
		m.ledger.Submit()
	}
	m.lines, m.bytes = 0, 0
}

// isMark tells whether a line begins or ends a transaction.
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

// Poll returns what to say while Waiting, and when to ask again at the latest, if nothing is heard of the ledger
// before: a dot, a reply, or "" for nothing yet.
func (m *Machine) Poll(now time.Time) (say string, again time.Time) {
	if m.since.IsZero() {
		m.since = now
	}
	settled, err := m.outcome()
	deadline := m.since.Add(min(m.cfg.SendTimeout, maxDots*keepAlive))
	if settled && err != nil {
		deadline = m.since.Add(min(m.cfg.SendTimeout, m.pause()))
	}
	switch {
	case settled && err == nil:
		return m.succeed(), time.Time{}
	case settled && !now.Before(deadline):
		if m.wait != waitKept {
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
	if m.refusals == 0 || m.wait == waitKept { // a refusal in mid-transaction is told at COMMIT
		return 0
	}
	return min(refusalFirst<<min(m.refusals-1, 10), refusalMax)
}

// Abandon ends a wait with a failure: the program has to end and cannot wait any longer. A line that would not survive it is
// given back, even from the middle of a transaction: those before it are confirmed, or kept.
func (m *Machine) Abandon(reason string) string {
	_, err := m.outcome()
	text := fmt.Sprintf("%s: %v", reason, err)
	if m.wait == waitKept {
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

// Replied tells that the last reply is out, whole.
func (m *Machine) Replied() {
	switch m.told {
	case committed:
		m.ledger.Committed()
	case failed:
		m.ledger.Failed(m.open == 0)
	}
	m.told = nothing
}

func (m *Machine) succeed() string {
	was := m.wait
	m.wait = waitNone
	switch was {
	case waitKept:
		return replyDefer
	case waitCommit, waitMessage:
		m.told, m.refusals = committed, 0
	}
	return replyOK
}

func (m *Machine) fail(text string) string {
	was := m.wait
	m.wait = waitNone
	switch was {
	case waitBegin:
		m.open = max(m.open-1, 0) // it has not begun; nothing of it was accepted
		m.ledger.Opened(m.open)
	case waitKept: // a failure in mid-transaction is for an end alone; COMMIT will tell
		return replyDefer
	default:
		m.told = failed
	}
	return failure(text)
}

// failure makes one line of a text, which may come from a peer: it never reads as OK, and leaves room for the dots
// that came before it.
func failure(text string) string {
	clean := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
	return string(message.Cut([]byte("omzmq: "+clean), maxFailure)) + "\n"
}
