// Package listen opens the listeners of ZeroMQ and HTTP in the same way, and limits what the kernel holds for
// slow peers.
package listen

import (
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Address splits an address of an HTTP server, host:port or unix:/path, into what Listen takes.
func Address(text string) (network, address string, err error) {
	if path, unix := strings.CutPrefix(text, "unix:"); unix {
		if path == "" {
			return "", "", errAddress
		}
		return "unix", path, nil
	}
	_, port, err := net.SplitHostPort(text)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return "", "", errAddress
	}
	return "tcp", text, nil
}

var errAddress = errors.New("write host:port, such as 127.0.0.1:8080, or unix:/path")

// Listen is net.Listen for the networks "tcp" and "unix". It replaces a Unix socket that a dead process has
// left; for one that is in use it returns syscall.EADDRINUSE. It listens at an IPv4 address on IPv4 alone: for
// 0.0.0.0, net.Listen would listen on all of IPv6 as well.
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

// removeStale removes the file of a Unix socket that no process listens at.
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
