package lines

import "golang.org/x/sys/unix"

// HungUp tells whether the writer has closed its end. There may still be lines to read. It does not wait, and is always false
// for what is no pipe, socket or terminal.
func (r *Reader) HungUp() bool {
	polled := [1]unix.PollFd{{Fd: int32(r.fd)}}
	n, err := unix.Poll(polled[:], 0)
	return err == nil && n > 0 && polled[0].Revents&unix.POLLHUP != 0
}
