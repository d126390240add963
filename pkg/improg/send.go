package improg

import (
	"bytes"
	"context"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/descriptor"
)

const (
	// pipeBuf is what a pipe takes without blocking once poll(2) reports it as writable: Linux's
	// PIPE_BUF. Other writers do not split writes of up to that size either; pipe(7).
	pipeBuf = 4096
	fileBuf = 64 << 10 // what one write(2) to a regular file is given
)

// Send writes the lines, each with a line feed after it, and returns nil once all are taken: with
// confirmation once rsyslog has acknowledged them, without once write(2) has taken them. It waits for
// rsyslog's START first. It calls settled for each line that is taken, in order, on the caller's
// goroutine.
//
// It returns ErrStopped when rsyslog has gone, an error that wraps ctx.Err() when ctx has ended, a
// *ProtocolError, or an error of write(2) such as ENOSPC. Lines that were not settled by then may have
// been taken or not. After an error of ctx or write(2) the conversation can go on: acknowledgements that
// arrive late do not count for later lines, and the next Send first finishes a line that was begun.
//
// A line may be empty (improg acknowledges empty lines and drops them). It must not contain a line feed:
// Send refuses such a batch before it writes anything. Send does not change or retain the lines.
func (c *Conn) Send(ctx context.Context, lines [][]byte, settled func(i int)) error {
	for i, line := range lines {
		if bytes.IndexByte(line, '\n') >= 0 {
			return fmt.Errorf("line %d of %d has a line feed in it, which must be escaped", i+1, len(lines))
		}
	}
	select {
	case <-c.started:
	case <-c.done:
	case <-ctx.Done():
	}
	defer context.AfterFunc(ctx, c.sending.Wake)()
	s := sender{Conn: c, lines: lines, settled: settled}
	err := s.write(ctx)
	if err == nil {
		err = s.wait(ctx)
	}
	s.settle()
	switch {
	case s.next == len(lines):
		return nil
	case err == ctx.Err():
		return fmt.Errorf("%d of %d lines not taken: %w", len(lines)-s.next, len(lines), err)
	}
	return err
}

// sender is one Send.
type sender struct {
	*Conn
	lines   [][]byte
	settled func(i int)
	base    uint64 // lines sent before the first of these
	next    int    // lines[:next] are settled

	i, off int // lines[i][off:] and what follows is not in buf yet
}

// write writes all lines, after the rest of a line that an earlier Send has begun.
func (s *sender) write(ctx context.Context) error {
	s.base = s.talk.Sent() // only this goroutine changes it
	if len(s.rest) > 0 {
		s.base++
	}
	for len(s.rest) > 0 {
		n, err := s.writeSome(ctx, s.rest)
		if s.rest = s.rest[n:]; err != nil {
			return err
		}
	}
	for n := s.gather(0); n > 0; n = s.gather(n) {
		m, err := s.writeSome(ctx, s.buf[:n])
		n = copy(s.buf, s.buf[m:n])
		if err != nil {
			s.saveRest(n)
			return err
		}
		s.settle()
	}
	return nil
}

// gather appends what fits of the next lines to buf[:n] and returns the new length.
func (s *sender) gather(n int) int {
	for s.i < len(s.lines) && n < len(s.buf) {
		m := copy(s.buf[n:], s.lines[s.i][s.off:])
		n += m
		s.off += m
		if n < len(s.buf) { // the whole line is in it
			s.buf[n] = '\n'
			n++
			s.i++
			s.off = 0
		}
	}
	return n
}

// saveRest saves what is still to be written of a line that has been begun; buf[:n] is not written.
func (s *sender) saveRest(n int) {
	if !s.begun {
		return
	}
	line, _, whole := bytes.Cut(s.buf[:n], []byte{'\n'})
	s.rest = bytes.Clone(line)
	if !whole {
		s.rest = append(s.rest, s.lines[s.i][s.off:]...)
	}
	s.rest = append(s.rest, '\n')
}

// settle reports the lines that were taken since its last call.
func (s *sender) settle() {
	for taken := s.taken(); s.next < len(s.lines) && s.base+uint64(s.next) < taken; s.next++ {
		s.settled(s.next)
	}
}

// wait returns nil once every line is taken.
func (s *sender) wait(ctx context.Context) error {
	for s.settle(); s.next < len(s.lines); s.settle() {
		select {
		case <-s.progress:
		case <-s.done:
			return s.Err()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// writeSome waits until stdout has room and writes a part of b, at most len(c.buf) bytes: whole lines,
// unless the first is longer than that. It returns how much it wrote.
func (c *Conn) writeSome(ctx context.Context, b []byte) (int, error) {
	b = b[:min(len(b), len(c.buf))]
	if end := bytes.LastIndexByte(b, '\n'); end >= 0 {
		b = b[:end+1]
	}
	for {
		if err := c.check(ctx); err != nil {
			return 0, err
		}
		if !c.polls {
			n, err := c.writeNow(b, writeNowait)
			if err == nil {
				return n, nil
			}
			c.polls = err != unix.EAGAIN && err != unix.EINTR
		}
		fds := [...]unix.PollFd{{Fd: int32(c.out), Events: unix.POLLOUT}, c.sending.PollFd()}
		if _, err := descriptor.Poll(fds[:], descriptor.Forever); err != nil {
			return 0, fmt.Errorf("poll: %w", err)
		}
		if c.sending.Woken() {
			c.sending.Reset()
			continue
		}
		switch n, err := c.writeNow(b, unix.Write); err {
		case nil:
			return n, nil
		case unix.EINTR, unix.EAGAIN:
		case unix.EPIPE:
			return 0, c.readerGone(ctx)
		default:
			return 0, fmt.Errorf("write to stdout: %w", err)
		}
	}
}

// writeNow is one write(2). The lines in b count as sent before it, because their acknowledgements may
// arrive before it returns.
func (c *Conn) writeNow(b []byte, write func(fd int, b []byte) (int, error)) (int, error) {
	c.countSent(bytes.Count(b, []byte{'\n'}))
	n, err := write(c.out, b)
	n = max(n, 0)
	c.countSent(-bytes.Count(b[n:], []byte{'\n'}))
	if n > 0 {
		c.begun = b[n-1] != '\n'
	}
	return n, err
}

func (c *Conn) countSent(n int) {
	if n != 0 {
		c.mu.Lock()
		c.talk.Send(n)
		c.mu.Unlock()
	}
}

// readerGone returns the reason for an EPIPE. With confirmation it waits until the watch has read the
// last acknowledgements.
func (c *Conn) readerGone(ctx context.Context) error {
	if !c.Confirmed() {
		c.end(ErrStopped)
		return ErrStopped
	}
	select {
	case <-c.done:
		return c.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}
