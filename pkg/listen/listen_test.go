package listen

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// 0.0.0.0 is all of IPv4 and nothing of IPv6.
func TestIPv4IsNotIPv6(t *testing.T) {
	l, err := Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for host, reached := range map[string]bool{"127.0.0.1": true, "::1": false} {
		conn, err := net.Dial("tcp", net.JoinHostPort(host, port))
		if (err == nil) != reached {
			t.Errorf("%s: %v", host, err)
		}
		if err == nil {
			conn.Close()
		}
	}
}

// The socket of a dead process is replaced. That of a living one is not, nor is a file that is no socket.
func TestUnixSockets(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	first, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	first.SetUnlinkOnClose(false)
	if _, err := Listen("unix", path); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("while it is in use: %v", err)
	}
	first.Close()
	second, err := Listen("unix", path)
	if err != nil {
		t.Fatalf("after a dead process: %v", err)
	}
	second.Close()
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen("unix", path); err == nil || !strings.Contains(err.Error(), "no socket") {
		t.Errorf("a file: %v", err)
	}
	if l, err := Listen("unix", "@"); err == nil { // Linux picks a name
		l.Close()
	} else {
		t.Errorf("the abstract namespace: %v", err)
	}
}

// The file of another program's datagram socket is not removed.
func TestForeignSockets(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	other, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := Listen("unix", path); err == nil {
		t.Error("it was replaced")
	}
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("it is gone: %v", err)
	}
}

// A name in the abstract namespace is no file, even if there is one of that name.
func TestAbstractNamesAreNoFiles(t *testing.T) {
	t.Chdir(t.TempDir())
	name := "@" + filepath.Base(t.TempDir()) + t.Name()
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := Listen("unix", name)
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if _, err := os.Lstat(name); err != nil {
		t.Errorf("the file is gone: %v", err)
	}
}
