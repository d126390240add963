package improg

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// gone are the events that say that nobody reads stdout any more.
const gone = unix.POLLERR | unix.POLLHUP | unix.POLLNVAL

// watch reads stdin and looks after both pipes until the conversation is over or Close is called.
//
// rsyslog stops by writing STOP, closing our stdout's pipe and then our stdin's. The acknowledgements
// in stdin are read to the last before that is the end.
func (c *Conn) watch() {
	const closing, output, input = 0, 1, 2
	fds := []unix.PollFd{
		closing: {Fd: c.closing.fd, Events: unix.POLLIN},
		output:  {Fd: c.out}, // only what is always reported
		input:   {Fd: c.in, Events: unix.POLLIN},
	}
	timeout := -1
	if c.Confirmed() {
		timeout = int(c.warnTime.Milliseconds())
	}
	for {
		err := poll(fds, timeout)
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
			timeout = -1
			c.log.Warn(`improg: stdin is a pipe, and START has not come through it; messages wait for it. `+
				`If improg has confirmMessages="off", run rsyslogd with stdin from /dev/null; `+
				`if it is not improg that runs this program, choose another destination`, "after", c.warnTime)
		}
		if err != nil {
			c.end(err)
			return
		}
		if c.hasStarted() {
			timeout = -1
		}
	}
}

// read takes what is on stdin and passes it on.
func (c *Conn) read() error {
	var b [4096]byte
	n, err := unix.Read(int(c.in), b[:])
	switch {
	case err == unix.EINTR || err == unix.EAGAIN:
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
