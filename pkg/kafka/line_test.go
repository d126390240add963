package kafka

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// fate is what becomes of a request.
type fate int

const (
	arrives   fate = iota
	lost           // the connection ends before a broker has it
	forgotten      // the connection ends before the answer is read
	late           // the answer is read after some seconds
)

const lateness = 5 * time.Second

// line is what all connections of a client go through.
type line struct {
	to func(ctx context.Context, kind, address string) (net.Conn, error)

	mu    sync.Mutex
	conns map[*lineConn]struct{}
	held  chan struct{} // nothing gets through before it is closed; nil: everything does
	down  bool          // nobody is reached any more
	fate  func(kmsg.Request) fate
}

func (l *line) dial(ctx context.Context, kind, address string) (net.Conn, error) {
	l.mu.Lock()
	down := l.down
	l.mu.Unlock()
	if down {
		return nil, errors.New("the client is dead")
	}
	conn, err := l.to(ctx, kind, address)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	c := &lineConn{Conn: conn, line: l, ended: make(chan struct{}), fates: make(map[int32]fate)}
	l.conns[c] = struct{}{}
	return c, nil
}

// set changes what becomes of requests.
func (l *line) set(fate func(kmsg.Request) fate) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fate = fate
}

// freeze holds everything that the client sends or is sent.
func (l *line) freeze() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held == nil {
		l.held = make(chan struct{})
	}
}

func (l *line) thaw() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held != nil {
		close(l.held)
		l.held = nil
	}
}

// cut ends all connections; for ever if the client is dead.
func (l *line) cut(dead bool) {
	l.mu.Lock()
	conns := l.conns
	l.conns, l.down = make(map[*lineConn]struct{}), l.down || dead
	l.mu.Unlock()
	for c := range conns {
		c.Close()
	}
}

// lineConn is a connection of a line. kgo writes each request with one call.
type lineConn struct {
	net.Conn
	line *line
	once sync.Once
	rest []byte // of an answer

	ended chan struct{}
	until [2]atomic.Pointer[time.Time] // the deadlines of reading and writing

	mu    sync.Mutex
	fates map[int32]fate // of answers, by their correlation ids
}

func (c *lineConn) Close() error {
	c.once.Do(func() {
		close(c.ended)
		c.line.mu.Lock()
		delete(c.line.conns, c)
		c.line.mu.Unlock()
	})
	return c.Conn.Close()
}

func (c *lineConn) SetReadDeadline(t time.Time) error {
	c.until[0].Store(&t)
	return c.Conn.SetReadDeadline(t)
}

func (c *lineConn) SetWriteDeadline(t time.Time) error {
	c.until[1].Store(&t)
	return c.Conn.SetWriteDeadline(t)
}

func (c *lineConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// pass waits while the line is frozen, until a deadline.
func (c *lineConn) pass(until *atomic.Pointer[time.Time]) error {
	const pace = 50 * time.Millisecond // between two looks at the deadline
	for {
		c.line.mu.Lock()
		held := c.line.held
		c.line.mu.Unlock()
		if held == nil {
			return nil
		}
		if t := until.Load(); t != nil && !t.IsZero() && time.Now().After(*t) {
			return os.ErrDeadlineExceeded
		}
		select {
		case <-held:
		case <-c.ended:
			return net.ErrClosed
		case <-time.After(pace):
		}
	}
}

func (c *lineConn) Write(frame []byte) (int, error) {
	if err := c.pass(&c.until[1]); err != nil {
		return 0, err
	}
	request, correlation := parseRequest(frame)
	c.line.mu.Lock()
	decide := c.line.fate
	c.line.mu.Unlock()
	if decide != nil && request != nil {
		what := decide(request)
		if what == lost {
			c.Close()
			return 0, errors.New("the connection was cut")
		}
		c.mu.Lock()
		c.fates[correlation] = what
		c.mu.Unlock()
	}
	return c.Conn.Write(frame)
}

func parseRequest(frame []byte) (kmsg.Request, int32) {
	const fixed = 4 + 2 + 2 + 4 + 2 // size, key, version, correlation id, length of the client id
	if len(frame) < fixed {
		return nil, 0
	}
	request := kmsg.RequestForKey(int16(binary.BigEndian.Uint16(frame[4:])))
	if request == nil {
		return nil, 0
	}
	request.SetVersion(int16(binary.BigEndian.Uint16(frame[6:])))
	body := frame[fixed+int(binary.BigEndian.Uint16(frame[12:])):]
	if request.IsFlexible() {
		body = body[1:] // no tags
	}
	if request.ReadFrom(body) != nil {
		return nil, 0
	}
	return request, int32(binary.BigEndian.Uint32(frame[8:]))
}

func (c *lineConn) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		size := make([]byte, 4)
		if _, err := io.ReadFull(c.Conn, size); err != nil {
			return 0, err
		}
		c.rest = append(size, make([]byte, binary.BigEndian.Uint32(size))...)
		if _, err := io.ReadFull(c.Conn, c.rest[4:]); err != nil {
			return 0, err
		}
		if err := c.pass(&c.until[0]); err != nil {
			return 0, err
		}
		c.mu.Lock()
		what := c.fates[int32(binary.BigEndian.Uint32(c.rest[4:]))]
		c.mu.Unlock()
		switch what {
		case forgotten:
			c.Close()
			return 0, errors.New("the connection was cut")
		case late:
			select {
			case <-time.After(lateness):
			case <-c.ended:
			}
		}
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// tap lets everything that a writer sends go through a line.
func tap(w *Writer, reach func(ctx context.Context, kind, address string) (net.Conn, error)) *line {
	l := &line{to: reach, conns: make(map[*lineConn]struct{})}
	w.net.reach = l.dial
	return l
}
