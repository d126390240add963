package relp

import (
	"net"

	"golang.org/x/sys/unix"
)

// quickAck returns a function that has the kernel acknowledge the next segments at once. imrelp sends
// each answer in a segment of its own and Nagle's algorithm holds the next one back until the one
// before is acknowledged, which a delayed acknowledgement puts off by 40 ms. The kernel forgets the
// setting by and by, so it is made again after each read. Source: tcp(7), TCP_QUICKACK.
func quickAck(conn net.Conn) func() {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return func() {}
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return func() {}
	}
	set := func(fd uintptr) {
		unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1) // only speed hangs on it
	}
	rearm := func() { raw.Control(set) }
	rearm()
	return rearm
}
