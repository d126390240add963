package journal

import "io"

// The mark tells what rsyslog was told last, and of which line: counter << 2 | told.
const (
	toldDeferred  = 1 + iota // DEFER_COMMIT to a line
	toldOK                   // OK to a line outside a transaction
	toldCommitted            // OK to COMMIT
	toldBits      = 2
)

const (
	replyOK  = "OK\n"
	deferred = "DEFER_COMMIT\n"
)

// Replies writes replies to rsyslog, one Write each, and marks them.
//
// The mark is stored just before the reply is written. A process that is killed finishes the system call that it is in, so
// only death in the few instructions between the two makes a difference, and a safe one: the line comes again and is
// taken for a new one. (sendfile(2), which moves a mark over what it writes, has no such moment, but takes longer, and rsyslog
// goes to sleep over it.)
func (l *Log) Replies(out io.Writer) io.Writer { return &replies{l, out} }

type replies struct {
	log *Log
	out io.Writer
}

func (r *replies) Write(reply []byte) (int, error) {
	before := at(r.log.header, mark).Load()
	if told := r.log.tells(string(reply)); told != 0 {
		at(r.log.header, mark).Store(r.log.counter<<toldBits | told)
	}
	n, err := r.out.Write(reply)
	if err != nil {
		at(r.log.header, mark).Store(before)
	}
	return n, err
}

// tells is what a reply to rsyslog's last question says of it; 0: nothing that must be known. A failure leaves things as
// they are, and a BEGIN accepts nothing.
func (l *Log) tells(reply string) uint64 {
	switch {
	case l.asked == askedLine && reply == deferred:
		return toldDeferred
	case l.asked == askedLine && reply == replyOK:
		return toldOK
	case l.asked == askedCommit && reply == replyOK:
		return toldCommitted
	}
	return 0
}
