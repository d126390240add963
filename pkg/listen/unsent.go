package listen

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// LimitUnsent lets no more than about so many bytes wait in the kernel that have not been sent yet: a write waits then (tcp(7), TCP_NOTSENT_LOWAT).
// Otherwise that is net.ipv4.tcp_wmem's 4 MiB, and some hundred peers that do not read take the memory that all connections of the
// machine share (net.ipv4.tcp_mem), which slows down those that do. What is on its way is not bounded by this: a
// distant peer is written to as fast as ever. Connections that are not TCP stay as they are.
func LimitUnsent(conn net.Conn, bytes int) error {
	wrapped, ok := conn.(interface{ NetConn() net.Conn })
	if ok { // TLS
		conn = wrapped.NetConn()
	}
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, bytes)
	})
	if err != nil {
		return err
	}
	return failed
}
