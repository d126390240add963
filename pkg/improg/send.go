package improg

import (
	"bytes"
	"context"
	"fmt"

	"golang.org/x/sys/unix"
)

const (
	// pipeBuf is what a pipe takes without blocking once poll(2) calls it writable: PIPE_BUF, a page
	// on Linux. Writes of no more than that are also not torn apart by other writers; pipe(7).
	pipeBuf = 4096
	fileBuf = 64 << 10 // what one write(2) to a regular file is given
)

// Send writes the lines, each with a line feed after it, and returns nil once all are taken: with
// confirmation once rsyslog has acknowledged them, without once write(2) has taken them. It waits for
// rsyslog's START first. For each line that is taken it calls settled, in order, on the caller's
// goroutine.
//
// It returns ErrStopped when rsyslog went away, an error that wraps ctx.Err() when ctx ended, a
// *ProtocolError, or what write(2) said, such as ENOSPC. Whether a line that was not settled then was
// taken is not known. After ctx or write(2) the conversation can go on: acknowledgements that come
// late are not counted for later lines, and a line that was begun is finished first.
//
// A line is empty or not (improg acknowledges empty ones and drops them) and holds no line feed: Send
// refuses such a batch before it writes anything. It only reads the lines, and no longer than the call
// lasts.
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
	defer context.AfterFunc(ctx, c.sending.wake)()
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

	i, off int // lines[i][off:] and what follows has not been gathered
}

// write writes all lines, after what an earlier Send has left of a line.
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
			s.keepRest(n)
			return err
		}
		s.settle()
	}
	return nil
}

// gather copies what fits of the next lines into buf after the first n bytes, and returns how many it
// holds then.
func (s *sender) gather(n int) int {
	for s.i < len(s.lines) && n < len(s.buf) {
		m := copy(s.buf[n:], s.lines[s.i][s.off:])
		n += m
		s.off += m
		if n < len(s.buf) { // so the line is in it to its end
			s.buf[n] = '\n'
			n++
			s.i++
			s.off = 0
		}
	}
	return n
}

// keepRest saves what is still to be written of a line that has been begun; buf[:n] is not written.
func (s *sender) keepRest(n int) {
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

// settle reports the lines that have been taken since the last time.
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

// writeSome waits until stdout takes something and writes a part of b, at most a chunk: whole lines,
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
		fds := [...]unix.PollFd{{Fd: c.out, Events: unix.POLLOUT}, {Fd: c.sending.fd, Events: unix.POLLIN}}
		if err := poll(fds[:], -1); err != nil {
			return 0, fmt.Errorf("poll: %w", err)
		}
		if fds[1].Revents != 0 {
			c.sending.reset()
			continue
		}
		switch n, err := c.writeNow(b); err {
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

// writeNow is one write(2). The lines in b count as sent before it, for their answers may come
// before it returns.
func (c *Conn) writeNow(b []byte) (int, error) {
	c.countSent(bytes.Count(b, []byte{'\n'}))
	n, err := unix.Write(int(c.out), b)
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

// readerGone returns what EPIPE means. With confirmation the watch first reads the last
// acknowledgements.
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
