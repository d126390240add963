package listen

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// Yield is a net.Dialer's Control. It lets a listener have the port that the kernel picks for a connection. The kernel
// may pick the very port that is dialled while nothing listens there: the connection then reaches itself (RFC 9293,
// 3.5, simultaneous open) and would keep the port until a minute after its end.
func Yield(network, _ string, conn syscall.RawConn) error {
	if network == "unix" {
		return nil
	}
	var failed error
	err := conn.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	})
	if err != nil {
		return err
	}
	return failed
}
