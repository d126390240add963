package relp

import (
	"fmt"
	"net"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

// What a session's client is told.

var serverClose = []byte("0 serverclose 0\n")

// maxReason is how many bytes of a refusal's reason librelp reads.
const maxReason = 80

// answers is what waits to be written to a client. The session's mu guards it.
type answers struct {
	conn     net.Conn // for the goroutine
	half     interface{ CloseWrite() error }
	out      []byte          // what the kernel has not taken
	flushing bool            // a goroutine writes it
	fd       syscall.RawConn // nil: only a goroutine can write
	attempt  func(fd uintptr) bool
	n        int // bytes that attempt has written
}

// prepare takes what the kernel's connection can do in addition.
func (a *answers) prepare(conn net.Conn) {
	a.half, _ = conn.(interface{ CloseWrite() error })
	if tcp, ok := conn.(syscall.Conn); ok {
		a.fd, _ = tcp.SyscallConn() // without it, a goroutine writes
	}
	a.attempt = func(fd uintptr) bool {
		a.n, _ = unix.Write(int(fd), a.out) // an error that does not pass ends the goroutine's attempt, too
		return true
	}
}

// write writes what the kernel takes without blocking, and reports whether that was everything.
func (a *answers) write() bool {
	a.n = 0
	if a.fd != nil {
		a.fd.Write(a.attempt) //nolint:errcheck // see attempt
	}
	if a.n > 0 {
		a.out = a.out[:copy(a.out, a.out[a.n:])]
	}
	return len(a.out) == 0
}

// answer answers what is settled. The server calls it.
func (c *serving) answer(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stream == nil {
		return
	}
	confirmed, refused, reason := c.stream.Settled()
	if confirmed == 0 && !refused {
		return
	}
	out := c.answers.out
	for _, txnr := range c.txnrs[c.first : c.first+confirmed] {
		out = append(strconv.AppendInt(out, int64(txnr), 10), " rsp 6 200 OK\n"...)
	}
	if refused {
		reason := message.Cut([]byte(reason), maxReason)
		out = AppendFrame(out, c.txnrs[c.first+confirmed], "rsp", append([]byte("500 "), reason...))
		confirmed++
	}
	c.answers.out = out
	if c.first += confirmed; c.first > len(c.txnrs)/2 {
		c.txnrs, c.first = c.txnrs[:copy(c.txnrs, c.txnrs[c.first:])], 0
	}
	c.since = now
	if refused {
		c.part(fmt.Errorf("a message was refused: %s", reason))
		return
	}
	c.flush()
}

// respond answers a command. An empty text is an empty answer.
func (c *serving) respond(txnr int, text []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.say(AppendFrame(nil, txnr, "rsp", text))
}

// say has a frame written. The caller holds mu.
func (c *serving) say(frame []byte) {
	c.answers.out = append(c.answers.out, frame...)
	c.flush()
}

// flush writes the answers, what the kernel does not take now in a goroutine. The caller holds mu.
func (c *serving) flush() {
	a := &c.answers
	if a.flushing {
		return
	}
	if !a.write() {
		a.flushing = true
		c.server.work.Go(c.writeRest)
	}
	c.changed.Broadcast()
}

// writeRest writes the answers until none are left or the connection fails.
func (c *serving) writeRest() {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := &c.answers
	var writing []byte
	for len(a.out) > 0 {
		writing, a.out = a.out, writing[:0]
		c.mu.Unlock()
		_, err := c.conn.Write(writing)
		c.mu.Lock()
		if err != nil {
			a.out = nil // the reader notices, too
			break
		}
	}
	a.flushing = false
	c.changed.Broadcast()
}

// owes reports whether an answer is missing, and whether messages may yet be taken. A session that has made no progress
// for too long is ended.
func (c *serving) owes(now time.Time) (owes, reads bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.unanswered() == 0 {
		return false, !c.read
	}
	if limit := c.server.cfg.SendTimeout; now.Sub(c.since) > limit && c.reason == nil {
		c.server.cfg.Account.TimedOut()
		c.part(fmt.Errorf("%s %v: see the receivers' logs; rsyslog sends again", message.Count(c.unanswered(),
			"message is not confirmed after", "messages are not confirmed after"), limit))
	}
	return true, !c.read
}

// part ends the session for a reason. The client has a while to read what it was told: were the connection closed at
// once, the kernel would throw that away with what the client has written and we have not read. The caller holds mu.
func (c *serving) part(reason error) {
	c.reason = reason
	c.leave(true)
	c.say(serverClose)
	c.conn.SetReadDeadline(time.Now().Add(greeting))
	c.closeWrite()
	c.changed.Broadcast()
}

// closeWrite tells the client that nothing more will be said. The caller holds mu.
func (c *serving) closeWrite() {
	if c.answers.half != nil && !c.answers.flushing {
		c.answers.half.CloseWrite() //nolint:errcheck // the reader notices
	}
}

// end ends the session at once, because the server ends.
func (c *serving) end(reason error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reason == nil {
		c.reason = reason
		c.leave(true)
		c.say(serverClose)
	}
	c.conn.Close()
	c.changed.Broadcast()
}
