// Package listen opens what others connect to, the same way for ZeroMQ and HTTP.
package listen

import (
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
)

// Listen is net.Listen for the networks "tcp" and "unix". A Unix socket that a dead process has left behind is replaced; one that is in use is not,
// and is syscall.EADDRINUSE. An IPv4 address is listened at on IPv4 alone: for 0.0.0.0, net.Listen takes all of IPv6 as well.
func Listen(network, address string) (net.Listener, error) {
	switch network {
	case "unix":
		if err := removeStale(address); err != nil {
			return nil, err
		}
	case "tcp":
		if at, err := netip.ParseAddrPort(address); err == nil && at.Addr().Is4() {
			network = "tcp4"
		}
	}
	return net.Listen(network, address)
}

// removeStale removes the file of a Unix socket that nobody listens at.
func removeStale(path string) error {
	if path == "" || path[0] == '@' { // the abstract namespace has no files
		return nil
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSocket == 0 {
		return errors.New("there is a file of that name that is no socket; remove it or choose another path")
	}
	conn, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		conn.Close()
		return syscall.EADDRINUSE
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return err
	}
	return os.Remove(path)
}
