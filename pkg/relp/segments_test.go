package relp

import (
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

// A client's kernel sends small segments, so that one that corks does not wait for long.
func TestSmallSegments(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	segment := func() (size int) {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		raw, err := conn.(*net.TCPConn).SyscallConn()
		if err == nil {
			raw.Control(func(fd uintptr) { size, err = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_MAXSEG) })
		}
		if err != nil {
			t.Fatal(err)
		}
		return size
	}
	before := segment()
	smallSegments(l)
	if after := segment(); before <= segmentSize || after > segmentSize {
		t.Errorf("segments of %d bytes, before of %d; want at most %d", after, before, segmentSize)
	}
}
