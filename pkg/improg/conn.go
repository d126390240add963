// Package improg is the conversation of a program with rsyslog's improg, which started it. Lines go
// out on stdout. With confirmMessages="on", improg's default, an ACK for each arrives on stdin.
//
// improg reads stdout byte by byte and answers each line with four bytes. A Conn writes ahead of the
// answers and reads them at all times, so that neither pipe can fill up and stop both sides.
//
// With confirmMessages="off" stdin is whatever rsyslogd itself has, and means nothing. A line then
// counts as taken once write(2) has taken it, and the conversation ends when stdout's reader has gone.
// OpenOutput is the same for a program whose stdout is not improg's.
//
// Source: contrib/improg/improg.c of rsyslog.
package improg

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/descriptor"
)

// ErrStopped is returned when the reader has gone because rsyslog stops. It is a normal end.
var ErrStopped = errors.New("improg: rsyslog closed the pipe; it is stopping")

// startWarning is how long START may be missing before a warning is logged.
const startWarning = 10 * time.Second

// Conn is our side of the conversation. Send and Close are for one goroutine at a time.
type Conn struct {
	in, out  int // descriptors; in is -1 when stdin means nothing
	log      *slog.Logger
	warnTime time.Duration // startWarning, less in tests

	stdin, stdout *os.File // the caller's; here so that they are not collected

	mu    sync.Mutex
	talk  Conversation
	cause error // why the conversation is over

	started  chan struct{}     // closed once lines may be written
	progress chan struct{}     // of one: something was acknowledged
	done     chan struct{}     // closed when the conversation is over
	sending  *descriptor.Waker // ends Send's poll
	closing  *descriptor.Waker // ends the watch
	watching sync.WaitGroup

	polls bool   // stdout cannot be written to without waiting: poll(2) is needed before each write(2)
	buf   []byte // scratch of Send; its length is the most that one write(2) is given
	begun bool   // the last byte written did not end its line
	rest  []byte // what is still to be written of a line that an earlier Send has begun
}

// Open begins the conversation: with confirmation if stdin is a pipe, without if it is anything else.
// The files remain the caller's. They must stay open until Close has returned, and nothing else may
// read or write them.
func Open(stdin, stdout *os.File, logger *slog.Logger) (*Conn, error) {
	c := newConn(stdout, logger)
	if stat, err := stdin.Stat(); err == nil && stat.Mode()&fs.ModeNamedPipe != 0 {
		c.stdin = stdin
		if c.in, err = descriptor.Of(stdin); err != nil {
			return nil, fmt.Errorf("stdin: %w", err)
		}
	}
	return c.open()
}

// OpenOutput is Open without an stdin: a line counts as taken once write(2) has taken it.
func OpenOutput(stdout *os.File) (*Conn, error) {
	c := newConn(stdout, slog.New(slog.DiscardHandler))
	return c.open()
}

func newConn(stdout *os.File, logger *slog.Logger) *Conn {
	return &Conn{
		in: -1, stdout: stdout, log: logger, warnTime: startWarning,
		started: make(chan struct{}), progress: make(chan struct{}, 1), done: make(chan struct{}),
	}
}

// open completes c and starts its watch.
func (c *Conn) open() (*Conn, error) {
	stat, err := c.stdout.Stat()
	if err != nil {
		return nil, fmt.Errorf("stdout: %w", err)
	}
	size := pipeBuf
	if stat.Mode().IsRegular() {
		size = fileBuf
	}
	c.polls = stat.Mode()&fs.ModeNamedPipe == 0
	c.buf = make([]byte, size)
	if c.out, err = descriptor.Of(c.stdout); err != nil {
		return nil, fmt.Errorf("stdout: %w", err)
	}
	if c.sending, err = descriptor.NewWaker(); err != nil {
		return nil, err
	}
	if c.closing, err = descriptor.NewWaker(); err != nil {
		c.sending.Close()
		return nil, err
	}
	if !c.Confirmed() {
		close(c.started)
	}
	c.watching.Go(c.watch)
	return c, nil
}

// Confirmed reports whether rsyslog confirms lines.
func (c *Conn) Confirmed() bool { return c.in >= 0 }

// Done returns a channel that is closed when rsyslog has ended the conversation or broken its rules.
// Err then returns the reason.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Err returns why the conversation is over: ErrStopped or a *ProtocolError; nil while it goes on.
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cause
}

// Close ends the watch over the pipes and leaves them open. No Send may be under way. Further calls do
// nothing.
func (c *Conn) Close() {
	c.closing.Wake()
	c.watching.Wait()
	c.sending.Close()
	c.closing.Close()
}

// end ends the conversation; the first cause counts.
func (c *Conn) end(cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause == nil {
		c.cause = cause
		close(c.done)
		c.sending.Wake()
	}
}

// taken returns how many lines were taken since the beginning.
func (c *Conn) taken() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.Confirmed() {
		return c.talk.Acked()
	}
	return c.talk.Sent()
}

// check returns why no more can be sent: the conversation is over, or ctx has ended.
func (c *Conn) check(ctx context.Context) error {
	if err := c.Err(); err != nil {
		return err
	}
	return ctx.Err()
}
