package improg

import (
	"bytes"
	"fmt"
)

// maxLine bounds a line from rsyslog; the longest that it sends is START.
const maxLine = 64

// ProtocolError is returned when rsyslog, or whatever is at the other end of stdin, has sent what improg
// does not send. From then on it is unknown which lines it has taken.
type ProtocolError struct {
	Line    string // what arrived, at most 64 bytes of it
	Problem string
}

func (e *ProtocolError) Error() string {
	return fmt.Sprintf("improg: %q on stdin: %s; is it improg that started this program?", e.Line, e.Problem)
}

// Conversation follows what improg writes to our stdin. It does no I/O. It expects
//
//	START LF            once, before the first line is written
//	ACK LF              for each line, in order
//	STOP LF             once, before the pipes are closed; what follows is ignored
//
// and treats anything else as an error of the whole conversation. Source: contrib/improg/improg.c.
type Conversation struct {
	started, stopped bool
	sent, acked      uint64
	err              error // the first one; it stays

	line [maxLine]byte // the beginning of an unfinished line
	n    int
}

// Started reports whether START has arrived.
func (c *Conversation) Started() bool { return c.started }

// Stopped reports whether STOP has arrived.
func (c *Conversation) Stopped() bool { return c.stopped }

// Sent returns how many lines were sent since the beginning.
func (c *Conversation) Sent() uint64 { return c.sent }

// Acked returns how many lines, counted from the first, rsyslog has taken.
func (c *Conversation) Acked() uint64 { return c.acked }

// Send counts n more lines as sent. Call it before their last bytes are written. A negative n takes
// back lines that were not written after all.
func (c *Conversation) Send(n int) { c.sent += uint64(n) }

// Feed takes the next bytes from stdin, in pieces of any size. An error is a *ProtocolError, and all
// further calls return it.
func (c *Conversation) Feed(b []byte) error {
	for len(b) > 0 && !c.stopped && c.err == nil {
		line, rest, ended := bytes.Cut(b, []byte{'\n'})
		if c.n+len(line) > maxLine {
			c.n += copy(c.line[c.n:], line)
			c.err = &ProtocolError{string(c.line[:]), "the line is longer than any that improg sends"}
			break
		}
		c.n += copy(c.line[c.n:], line)
		if ended {
			c.take(c.line[:c.n])
			c.n = 0
		}
		b = rest
	}
	return c.err
}

// take acts on one line.
func (c *Conversation) take(line []byte) {
	problem := ""
	switch string(line) {
	case "START":
		if c.started {
			problem = "START has arrived before"
		}
		c.started = true
	case "ACK":
		if c.acked == c.sent {
			problem = "every line sent has been acknowledged already"
		} else {
			c.acked++
		}
	case "STOP":
		c.stopped = true
	default:
		problem = "improg sends only START, ACK and STOP"
	}
	if problem != "" {
		c.err = &ProtocolError{string(line), problem}
	}
}
