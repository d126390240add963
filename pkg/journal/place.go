package journal

// Replies are sent from places in a file by sendfile(2), which moves a position over what it has sent. The position is the
// journal's mark, so the same system call writes the reply and says so: no death of the process falls in between. There are
// two places for each reply to a line, taken in turn, so that the mark also tells which line it speaks of.

// Texts is the content of the file that replies are sent from.
const Texts = "" +
	"DEFER_COMMIT\n..." + // for a line with an even counter
	"DEFER_COMMIT\n..." + // an odd one
	"OK\n............." + // for a line outside a transaction, even
	"OK\n............." + // odd
	"OK\n............." // for COMMIT

const (
	placeSize = 16
	replyOK   = "OK\n"
	deferred  = "DEFER_COMMIT\n"
)

// place is which of the texts was sent.
type place int

const (
	deferEven place = iota
	deferOdd
	okEven
	okOdd
	okCommit
	places
)

// nowhere is a mark that speaks of no reply.
const nowhere = uint64(places) * placeSize

func (p place) text() string {
	if p <= deferOdd {
		return deferred
	}
	return replyOK
}

func (p place) commit() bool           { return p == okCommit }
func (p place) ok() bool               { return p == okEven || p == okOdd }
func (p place) of(counter uint64) bool { return p < okCommit && uint64(p)%2 == counter%2 }

// placed tells which reply a mark speaks of, and whether it is out.
func placed(mark uint64) (p place, out bool) {
	p = place(mark / placeSize)
	return p, p < places && mark%placeSize == uint64(len(p.text()))
}

// Place tells where in Texts a reply to rsyslog's last question stands. The reply is sent from there with the mark as the
// position. ok is false when the reply needs no mark: a failure leaves things as they are, and a BEGIN accepts nothing.
func (l *Log) Place(reply string) (position int64, ok bool) {
	odd := place(l.counter % 2)
	switch {
	case l.asked == askedLine && reply == deferred:
		return int64(deferEven+odd) * placeSize, true
	case l.asked == askedLine && reply == replyOK:
		return int64(okEven+odd) * placeSize, true
	case l.asked == askedCommit && reply == replyOK:
		return int64(okCommit) * placeSize, true
	}
	return 0, false
}

// Mark is the position for sendfile(2): at Place before the reply, and behind the reply when it is out.
func (l *Log) Mark() *int64 { return markOf(l.header) }
