package improg

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/descriptor"
)

// gone are the events that report that stdout's reader has gone.
const gone = unix.POLLERR | unix.POLLHUP | unix.POLLNVAL

// watch reads stdin and watches both pipes until the conversation is over or Close is called.
//
// To stop, rsyslog writes STOP, closes our stdout's pipe and then our stdin's. The watch reads all
// acknowledgements in stdin before it ends the conversation.
func (c *Conn) watch() {
	const closing, output, input = 0, 1, 2
	fds := []unix.PollFd{
		closing: c.closing.PollFd(),
		output:  {Fd: int32(c.out)}, // no events: only errors and hang-ups are reported
		input:   {Fd: int32(c.in), Events: unix.POLLIN},
	}
	timeout := descriptor.Forever
	if c.Confirmed() {
		timeout = c.warnTime
	}
	for {
		_, err := descriptor.Poll(fds, timeout)
		switch {
		case err != nil:
			c.end(fmt.Errorf("poll: %w", err))
			return
		case fds[closing].Revents != 0:
			return
		case fds[input].Revents != 0:
			err = c.read()
		case fds[output].Revents&gone != 0:
			err = ErrStopped
		case timeout >= 0:
			timeout = descriptor.Forever
			c.log.Warn(`improg: stdin is a pipe, and START has not arrived through it; messages wait for it. `+
				`If improg has confirmMessages="off", run rsyslogd with stdin from /dev/null; `+
				`if it is not improg that runs this program, choose another destination`, "after", c.warnTime)
		}
		if err != nil {
			c.end(err)
			return
		}
		if c.hasStarted() {
			timeout = descriptor.Forever
		}
	}
}

// read reads from stdin once and feeds the conversation.
func (c *Conn) read() error {
	var b [4096]byte
	n, err := descriptor.Read(c.in, b[:])
	switch {
	case err == unix.EAGAIN:
		return nil
	case err != nil:
		return fmt.Errorf("read stdin: %w", err)
	case n == 0:
		return ErrStopped
	}
	c.mu.Lock()
	before, acked := c.talk.Started(), c.talk.Acked()
	err = c.talk.Feed(b[:n])
	if !before && c.talk.Started() {
		close(c.started)
	}
	grown, stopped := c.talk.Acked() > acked, c.talk.Stopped()
	c.mu.Unlock()
	if grown {
		select {
		case c.progress <- struct{}{}:
		default:
		}
	}
	if err == nil && stopped {
		err = ErrStopped
	}
	return err
}

func (c *Conn) hasStarted() bool {
	select {
	case <-c.started:
		return true
	default:
		return false
	}
}
