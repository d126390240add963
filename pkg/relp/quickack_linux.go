package relp

import (
	"net"

	"golang.org/x/sys/unix"
)

// quickAck makes the kernel acknowledge the next segments at once, and returns a function that does so
// again. imrelp sends each answer in a segment of its own, and Nagle's algorithm holds back the next
// one until the one before is acknowledged. A delayed acknowledgement would cost 40 ms there. The
// setting is not permanent, and is therefore made again after each read. Source: tcp(7), TCP_QUICKACK.
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
		unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1) // an error costs only speed
	}
	rearm := func() { raw.Control(set) }
	rearm()
	return rearm
}
