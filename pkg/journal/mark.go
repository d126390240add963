package journal

// Reply is what a reply tells rsyslog about the lines in the journal.
type Reply uint64

// The replies that leave a mark. Nothing else that rsyslog is told changes what it sends again: a failure leaves things
// as they are, and a BEGIN accepts nothing.
const (
	NoReply   Reply = iota // none: the reply could not be written
	Deferred               // DEFER_COMMIT to the last line
	Confirmed              // OK to the last line, outside a transaction
	Committed              // OK to COMMIT
)

// replyBits is the size of a Reply in the mark: line counter << replyBits | Reply.
const replyBits = 2

// Answering marks a reply just before it is written. NoReply takes that mark back: the write has failed.
//
// The mark is about the last journaled line. A later line for which there was no room leaves no trace: at its
// reply, the last journaled line has been answered before, and the mark says so once more.
//
// A process that is killed finishes the system call that it is in. Therefore only death in the few instructions between
// the mark and the write makes a difference, and a safe one: what rsyslog sends again is taken for new, and stored
// twice. (sendfile(2) could move the mark and write the reply in one call. It takes longer, and rsyslog goes to sleep
// over it.)
func (l *Log) Answering(reply Reply) {
	word := at(l.header, mark)
	if reply == NoReply {
		word.Store(l.markBefore)
		return
	}
	if l.broken() != whole {
		l.breaks(whole)
	}
	l.markBefore = word.Load()
	word.Store(l.counter<<replyBits | uint64(reply))
}
