package zmq

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// acknowledged tells whether the other side's kernel has acknowledged all bytes written to conn (TCP), or its
// process has read them (Unix socket), and the connection stands: ioctl SIOCOUTQ, see tcp(7) and unix(7). A
// connection that has been reset or closed has nothing under way either, and that says nothing about what was read:
// the order of the two questions matters, since the kernel marks the end before it throws away what was unread.
func acknowledged(conn net.Conn) bool {
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	done := false
	err = raw.Control(func(fd uintptr) {
		n, err := unix.IoctlGetInt(int(fd), unix.SIOCOUTQ)
		done = err == nil && n == 0 && stands(int(fd))
	})
	return err == nil && done
}

// stands tells that neither side has ended the connection.
func stands(fd int) bool {
	poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
	_, err := unix.Poll(poll, 0)
	return err == nil && poll[0].Revents&(unix.POLLRDHUP|unix.POLLHUP|unix.POLLERR|unix.POLLNVAL) == 0
}
