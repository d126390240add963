package journal

import "time"

// Fate is whether rsyslog sends a line again that a dead process had accepted.
type Fate uint8

// The fates.
const (
	// Orphan: it does not. The line is the journal's alone.
	Orphan Fate = iota
	// Again: it does.
	Again
	// AgainIfCommitFails: it does if the next COMMIT fails, which ends the transaction in which the line was accepted.
	AgainIfCommitFails
)

// Pause is how long rsyslog 8.2302 waits before it goes on with a transaction in whose middle the plugin died.
const Pause = time.Second

// slack is what the clocks may differ by: the kernel's ticks are hundredths of a second.
const slack = 20 * time.Millisecond

// Successor says who takes a journal over.
type Successor struct {
	Same    bool  // it was started by the same worker of rsyslogd, which goes on where it was
	Shared  bool  // other workers may use the same pipe, and may have started it while that one pauses
	Started int64 // when, in nanoseconds of CLOCK_BOOTTIME
	GivenUp bool  // the writer lived until then, but rsyslog had given it up: its beat does not show whether rsyslog paused
	Commit  bool  // the writer had not read rsyslog's last line, a COMMIT
	Streams bool  // it takes lines over connections, as the writer did if that has noted PipesNone
	// Splits reports whether rsyslog is of a release that sends a whole batch again after two failures in a row. It is
	// called only where that matters. nil: it is not.
	Splits func() bool
}

// moment is when a process died, as far as its journal and the start of its successor show.
type moment int

const (
	rsyslogGone        moment = iota // rsyslog reads no replies, or it is not its worker that takes the journal over
	atCommit                         // COMMIT was read, or only COMMIT was left to write
	lineAnswered                     // in mid-transaction; the last line was answered
	lineUnanswered                   // in mid-transaction, or outside one; the last line was not answered
	brokenAgain                      // as an earlier process had died, without an answer to a line since; the release splits
	workersMixed                     // several workers share the pipe; the last line was answered, or at COMMIT nothing is known of it
	workersMixedInLine               // several workers share the pipe; the last line was not answered
	streamsCut                       // there was no pipe but connections, and there will be
)

// fates is what rsyslog 8.2302 does after each moment: with a line that it was told of a failure for and has not
// sent again yet, with the lines of transactions that were open, and with the last line that was accepted. Where
// several workers share the pipe, nothing says which transaction a line belongs to: a line taken for a repeat
// wrongly would be lost, so none is. The same table, in words, is in docs/delivery.md; the tests are named after
// its rows.
var fates = [...]struct{ failed, open, last Fate }{
	rsyslogGone:        {failed: Orphan, open: Orphan, last: Orphan},
	atCommit:           {failed: Again, open: Again, last: Again},
	lineAnswered:       {failed: Again, open: AgainIfCommitFails, last: AgainIfCommitFails},
	lineUnanswered:     {failed: Again, open: AgainIfCommitFails, last: Again},
	brokenAgain:        {failed: Again, open: Again, last: Again},
	workersMixed:       {failed: Again, open: Orphan, last: Orphan},
	workersMixedInLine: {failed: Again, open: Orphan, last: Again},
	streamsCut:         {failed: Again, open: Again, last: Again}, // answered lines are no longer those of an open transaction
}

// death is what a journal shows of the end of the process that wrote it.
type death struct {
	moment    moment
	committed bool   // rsyslog was told OK for every line of the transactions that were open
	last      uint64 // the counter of the last line
}

func (l *Log) death(by Successor) death {
	committing, others := at(l.header, closing).Load() == l.counter+1, at(l.header, opened).Load()
	if by.Commit && others > 0 {
		committing, others = true, others-1
	}
	told := l.told()
	d := death{committed: told == Confirmed || told == Committed, last: l.counter}
	answered := told == Deferred || told == Confirmed
	ended := Pipes(at(l.header, pipes).Load())
	switch {
	case ended == PipesNone && by.Streams:
		d.moment = streamsCut
	case !by.Same || ended == PipesUnread || ended == PipesNone || by.Streams:
		d.moment = rsyslogGone
	case committing && others == 0:
		d.moment = atCommit
	case committing || others > 1:
		d.moment = workersMixed
	case by.Shared || at(l.header, shared).Load() == 1: // it may be another worker that has gone on
		d.moment = workersMixed
		if !answered {
			d.moment = workersMixedInLine
		}
	case ended != PipesClosed && !by.GivenUp && by.Started-Beat(l.header) < int64(Pause-slack): // rsyslog did not pause
		d.moment = atCommit
	case l.BrokenAgain() && by.Splits != nil && by.Splits():
		d.moment = brokenAgain
	case answered:
		d.moment = lineAnswered
	default:
		d.moment = lineUnanswered
	}
	return d
}

// brokenness is whether an earlier process has died in the middle of a transaction, and no line was answered since.
type brokenness uint64

const (
	whole    brokenness = iota // it has not
	broke                      // it has; rsyslog does not count the death of a process to which it has said nothing
	resuming                   // it has, and rsyslog has begun again: the next failure is its second in a row
)

func (l *Log) broken() brokenness { return brokenness(at(l.header, broken).Load()) }

func (l *Log) breaks(now brokenness) { at(l.header, broken).Store(uint64(now)) }

// BrokenAgain reports whether a failure now is rsyslog's second in a row.
func (l *Log) BrokenAgain() bool { return l.broken() == resuming }

// told is what rsyslog was told about the last line; NoReply if nothing.
func (l *Log) told() Reply {
	m := at(l.header, mark).Load()
	if m>>replyBits != l.counter {
		return NoReply // it is about an earlier line
	}
	return Reply(m & (1<<replyBits - 1))
}

// judge finds whether a line is still owed, and its fate.
func (d death) judge(r *Record) {
	state, fate := r.Ref.head.state.Load(), fates[d.moment]
	switch current := state&flagCurrent != 0; {
	case current && d.committed:
		r.Ref.Confirm()
	case state&flagWaiting != 0:
		r.Fate = fate.failed
	case current && state>>flagBits == d.last:
		r.Fate = fate.last
	case current:
		r.Fate = fate.open
	}
	r.Confirmed = r.Ref.head.state.Load()&flagConfirmed != 0
}
