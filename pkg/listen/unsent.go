package listen

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// LimitUnsent limits how much the kernel holds for conn that it has not sent yet, to about that many bytes. A
// write that exceeds the limit waits (tcp(7), TCP_NOTSENT_LOWAT). Without a limit the kernel holds up to 4 MiB
// (net.ipv4.tcp_wmem), and some hundred peers that do not read use up the memory that all connections of the
// machine share (net.ipv4.tcp_mem), which slows down the peers that do read.
//
// Bytes on their way to the peer do not count: a distant peer is written to as fast as before. conn may be TLS over
// TCP. LimitUnsent leaves connections that are not TCP as they are, and returns nil.
func LimitUnsent(conn net.Conn, bytes int) error {
	for {
		wrapped, ok := conn.(interface{ NetConn() net.Conn })
		if !ok {
			break
		}
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
