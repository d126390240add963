package journal

// Reply is what a reply tells rsyslog about the lines in the journal.
type Reply uint64

// The replies that leave a mark. Nothing else that rsyslog is told changes what it sends again: a failure leaves
// things as they are, and a BEGIN accepts nothing.
const (
	NoReply   Reply = iota // the reply could not be written
	Deferred               // DEFER_COMMIT to the last line
	Confirmed              // OK to the last line, outside a transaction
	Committed              // OK to COMMIT
)

// replyBits is the size of a Reply in the mark: line counter << replyBits | Reply.
const replyBits = 2

// Answering records a reply to the last line, or to COMMIT, just before it is written.
//
// A process that is killed finishes the system call that it is in. Therefore only death in the few instructions
// between the mark and the write makes a difference, and a safe one: the line is sent again and is taken for a new
// one. (sendfile(2) could move the mark and write the reply in one call. It takes longer, and rsyslog goes to sleep
// over it.)
func (l *Log) Answering(reply Reply) {
	at(l.header, mark).Store(l.counter<<replyBits | uint64(reply))
}
