package zmq

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// acknowledged reports whether the other side's kernel has acknowledged all bytes written to conn (TCP), or its
// process has read them (Unix socket), and the connection stands: ioctl SIOCOUTQ, see tcp(7) and unix(7).
//
// A connection that has been reset or closed has nothing under way either, which says nothing about what was
// read. The order of the two queries therefore matters: the kernel marks the end before it discards what was
// unread.
func acknowledged(conn net.Conn) (done bool) {
	control(conn, func(fd int) {
		n, err := unix.IoctlGetInt(fd, unix.SIOCOUTQ)
		done = err == nil && n == 0 && stands(fd)
	})
	return done
}

// stands reports whether neither side has ended the connection.
func stands(fd int) bool {
	poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
	_, err := unix.Poll(poll, 0)
	return err == nil && poll[0].Revents&(unix.POLLRDHUP|unix.POLLHUP|unix.POLLERR|unix.POLLNVAL) == 0
}

// ended reports whether the other side has ended the connection; bytes of it may still be unread.
func ended(conn net.Conn) bool {
	stand := false
	control(conn, func(fd int) { stand = stands(fd) })
	return !stand
}

// sendProgress returns how many bytes the other side's kernel has acknowledged since the connection began, and
// whether others are under way: TCP_INFO, see tcp(7). Both are zero if conn is not TCP.
func sendProgress(conn net.Conn) (acknowledged uint64, underway bool) {
	control(conn, func(fd int) {
		info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
		if err != nil {
			return
		}
		acknowledged, underway = info.Bytes_acked, info.Unacked > 0 || info.Notsent_bytes > 0
	})
	return acknowledged, underway
}

// control calls f with conn's descriptor, unless conn has none or is closed.
func control(conn net.Conn, f func(fd int)) {
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return
	}
	raw.Control(func(fd uintptr) { f(int(fd)) }) //nolint:errcheck // an error means that f was not called
}
