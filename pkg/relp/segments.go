package relp

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// segmentSize is the most bytes that a client puts into one segment: less than a window of 128 messages of 130 bytes.
// With 2 KiB, omzmq would be woken up eight times as often, which costs a quarter of the rate.
const segmentSize = 16 << 10

// smallSegments asks the clients that connect from now on for small segments. omrelp corks its connection during a
// batch (TCP_CORK): the kernel holds back what fills no segment, for up to 200 ms. One of loopback has 64 KiB, which is
// more than librelp's default window of 128 messages: it would wait 200 ms for the answers to a window that was not
// sent. The kernel still moves many segments at once. Source: tcp(7), TCP_MAXSEG and TCP_CORK; relpTcpHintBurstBegin of
// librelp 1.11.
func smallSegments(l net.Listener) {
	tcp, ok := l.(syscall.Conn)
	if !ok {
		return
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return
	}
	raw.Control(func(fd uintptr) { //nolint:errcheck // an error costs only speed
		unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_MAXSEG, segmentSize) //nolint:errcheck // as above
	})
}
