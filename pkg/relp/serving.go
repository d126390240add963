package relp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/listen"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
)

const (
	// maxOffers is how many bytes of a client's offers are read.
	maxOffers = 4 << 10
	// mostBatch is how many messages are accepted at once.
	mostBatch = 4096
	// maxUnread is how many bytes of answers wait for a client that does not read them. Beyond that nothing more is
	// read from it.
	maxUnread = 1 << 20
	// greeting is how long a client may take to open a session, and how long one whose session we have ended may take
	// to notice.
	greeting = 10 * time.Second
)

// serving is a session from the server's side. One goroutine reads, the server's answers.
type serving struct {
	server *Server
	conn   net.Conn
	remote string
	guest  *listen.Guest
	rearm  func() // see quickAck

	// The reader's.
	in     *incoming
	opened bool
	batch  [][]byte // messages that are not accepted yet, borrowed from in
	taken  []int    // their transaction numbers

	mu      sync.Mutex
	read    bool   // the reader takes nothing more
	stream  Stream // nil: not open, or parted
	txnrs   []int  // of the messages that are not answered, from first on
	first   int
	since   time.Time  // when the oldest of them was accepted, or the last one answered
	answers answers    // what is written
	changed *sync.Cond // something was answered or written, or the session has ended
	reason  error      // why we have ended the session; nil: we have not
}

func newServing(s *Server, conn net.Conn) *serving {
	c := &serving{
		server: s, conn: conn, remote: conn.RemoteAddr().String(), guest: listen.GuestOf(conn),
		in: newIncoming(max(maxOffers, s.cfg.MaxMessage+len("\n\U0010ffff"))), // enough to notice and to make a cut
	}
	c.changed = sync.NewCond(&c.mu)
	c.answers.conn = conn
	if inner, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = inner.NetConn()
	}
	c.rearm = quickAck(conn)
	c.answers.prepare(conn)
	return c
}

// run serves the session until it ends. It returns nil if that was no failure.
func (c *serving) run(ctx context.Context) error {
	defer c.conn.Close()
	c.conn.SetReadDeadline(time.Now().Add(greeting))
	defer context.AfterFunc(ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.conn.SetReadDeadline(time.Unix(1, 0)) // the reader stops
		c.changed.Broadcast()
	})()
	closed, err := c.converse(ctx)
	lingers, err := c.finish(ctx, closed, err)
	if lingers {
		c.linger()
	}
	return err
}

// leave ends the account of the session. The caller holds mu.
func (c *serving) leave(again bool) {
	if c.stream != nil {
		c.stream.End(again)
	}
	c.stream, c.txnrs, c.first = nil, nil, 0
}

// unanswered returns how many messages are not answered. The caller holds mu.
func (c *serving) unanswered() int { return len(c.txnrs) - c.first }

// converse reads until the session ends. closed: the client has closed it in order.
func (c *serving) converse(ctx context.Context) (closed bool, err error) {
	for {
		if err := c.fill(ctx); err != nil {
			return false, c.cause(err)
		}
		for more := true; more; {
			var closing int // the transaction number of close
			closing, more, err = c.frames(ctx)
			if len(c.batch) > 0 && err == nil {
				err = c.accept(ctx, closing > 0)
			}
			if err != nil {
				return false, err
			}
			if closing > 0 {
				c.mu.Lock()
				defer c.mu.Unlock()
				c.say(append(AppendFrame(nil, closing, "rsp", nil), serverClose...))
				return true, nil
			}
		}
	}
}

// fill reads what the connection has. It does not while the client leaves too many answers unread.
func (c *serving) fill(ctx context.Context) error {
	c.mu.Lock()
	for len(c.answers.out) > maxUnread && c.reason == nil && ctx.Err() == nil {
		c.changed.Wait()
	}
	c.mu.Unlock()
	n, err := c.conn.Read(c.in.space())
	c.in.filled(n)
	switch {
	case n > 0:
		c.rearm()
		return nil
	case ctx.Err() != nil:
		return errServerEnds
	case err == nil:
		return io.ErrNoProgress
	}
	return err
}

// errNobody is the end of a connection that has brought nothing: somebody has looked whether we listen.
var errNobody = errors.New("the connection has brought nothing")

// cause returns what to tell of the end of a connection that the client has not closed in order.
func (c *serving) cause(err error) error {
	switch {
	case !c.opened && errors.Is(err, io.EOF):
		return errNobody
	case !c.opened && errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("no session was opened within %v; is it a client of RELP, and without TLS?", greeting)
	case errors.Is(err, io.EOF):
		return errors.New("the client closed the connection without a word; is its rsyslogd gone?")
	}
	return err
}

// frames takes frames out of the buffer until the batch is full or no whole one is left. closing is the transaction
// number of the client's close; 0: it has not sent one. more: there may be more frames.
func (c *serving) frames(ctx context.Context) (closing int, more bool, err error) {
	for len(c.batch) < mostBatch {
		f, size, err := c.in.next()
		switch {
		case err == ErrShort:
			return 0, false, nil
		case err != nil && !c.opened:
			return 0, false, fmt.Errorf("%w: is it a client of RELP, and without TLS?", err)
		case err != nil:
			return 0, false, err
		case c.opened && string(f.Command) == "syslog":
			if c.take(f, size); f.Txnr >= sessionEnd {
				c.renew()
			}
		case !c.opened && string(f.Command) == "open":
			if err := c.open(ctx, f); err != nil {
				return 0, false, err
			}
		case string(f.Command) == "close" && f.Txnr > 0:
			return f.Txnr, false, nil
		default:
			return 0, false, fmt.Errorf("relp: the client sent the command %q, which is not known here, or not yet", f.Command)
		}
	}
	return 0, true, nil
}

// take adds a message to the batch. A line feed at its end is the template's, and is not part of it.
func (c *serving) take(f Frame, size int) {
	text := f.Data
	if size == len(text) && size > 0 && text[size-1] == '\n' {
		text = text[:size-1]
	}
	if limit := c.server.cfg.MaxMessage; len(text) > limit {
		text = message.Cut(text, limit)
		c.server.cfg.Truncated(size)
	}
	c.batch, c.taken = append(c.batch, text), append(c.taken, f.Txnr)
}

// accept hands the batch to the account, as soon as that takes it. A client that has brought a whole message is no
// stranger any more. Of a client that is closing the batch is taken at once: it sends nothing again.
func (c *serving) accept(ctx context.Context, closing bool) error {
	c.guest.Hold()
	c.in.known = true
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stream != nil && !closing {
		c.mu.Unlock()
		err := c.server.ready(ctx)
		c.mu.Lock()
		if err != nil {
			return err
		}
	}
	if c.stream != nil { // else we have ended the session, and the batch comes again
		if c.unanswered() == 0 {
			c.since = time.Now()
			c.server.owes()
		}
		c.txnrs = append(c.txnrs, c.taken...)
		c.stream.Accept(c.batch)
	}
	clear(c.batch)
	c.batch, c.taken = c.batch[:0], c.taken[:0]
	return nil
}

// open answers a client's open, once messages can be taken.
func (c *serving) open(ctx context.Context, f Frame) error {
	if version := offered(f.Data, "relp_version"); version != "" {
		if _, err := strconv.Atoi(version); err != nil {
			return c.refuse(f.Txnr, "relp_version is not a number")
		}
	}
	if !slices.Contains(strings.Split(offered(f.Data, "commands"), ","), "syslog") {
		return c.refuse(f.Txnr, "required command not supported by client")
	}
	if err := c.server.ready(ctx); err != nil {
		return err
	}
	c.opened = true
	c.conn.SetReadDeadline(time.Time{})
	if ctx.Err() != nil {
		return errServerEnds // the deadline that tells has just been taken away
	}
	c.mu.Lock()
	c.stream = c.server.cfg.Open()
	c.mu.Unlock()
	c.respond(f.Txnr, []byte("200 OK\n"+offers))
	return nil
}

// renew ends a session before its transaction numbers do. What is not answered comes again in the next one.
func (c *serving) renew() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reason == nil {
		c.part(errRenewed)
	}
}

var errRenewed = errors.New("the transaction numbers of the session are used up")

// offered returns the value of an offer, or "".
func offered(data []byte, name string) string {
	for line := range strings.SplitSeq(string(data), "\n") {
		if value, found := strings.CutPrefix(line, name+"="); found {
			return value
		}
	}
	return ""
}

func (c *serving) refuse(txnr int, text string) error {
	c.respond(txnr, []byte("500 "+text))
	return errors.New("relp: " + text)
}
