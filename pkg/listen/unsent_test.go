package listen

import (
	"errors"
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

// pair returns a connection whose other side reads nothing.
func pair(t *testing.T) *net.TCPConn {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	other, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(); other.Close() })
	return conn.(*net.TCPConn)
}

// fill writes until the kernel takes no more, and returns how many bytes it has not sent.
func fill(t *testing.T, conn *net.TCPConn) (unsent int) {
	t.Helper()
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	portion := make([]byte, 4<<10)
	var failed error
	err = raw.Control(func(fd uintptr) {
		for full := false; !full && failed == nil; {
			_, failed = unix.Write(int(fd), portion)
			if errors.Is(failed, unix.EAGAIN) {
				var ready int
				ready, failed = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, 200)
				full = ready == 0
			}
		}
		if failed == nil {
			unsent, failed = unix.IoctlGetInt(int(fd), unix.SIOCOUTQNSD)
		}
	})
	if err := errors.Join(err, failed); err != nil {
		t.Fatal(err)
	}
	return unsent
}

// wrapped is a connection around another one, like TLS.
type wrapped struct{ net.Conn }

func (w wrapped) NetConn() net.Conn { return w.Conn }

func TestLimitUnsent(t *testing.T) {
	const limit = 64 << 10
	for name, wrap := range map[string]func(net.Conn) net.Conn{
		"TCP": func(c net.Conn) net.Conn { return c },
		"TLS": func(c net.Conn) net.Conn { return wrapped{c} },
	} {
		conn := pair(t)
		if err := LimitUnsent(wrap(conn), limit); err != nil {
			t.Fatal(err)
		}
		if n := fill(t, conn); n == 0 || n > 2*limit {
			t.Errorf("%s: %d bytes wait to be sent, want about %d", name, n, limit)
		}
	}
}

func TestOthersStayAsTheyAre(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	if err := LimitUnsent(a, 1); err != nil {
		t.Error(err)
	}
	closed := pair(t)
	closed.Close()
	if err := LimitUnsent(closed, 1); err == nil {
		t.Error("a closed connection was limited")
	}
}
