package check

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/listen"
)

// Bind tries an address to listen at, without listening: nobody can connect, and a program that starts meanwhile gets
// it. own is the name of the program: where that holds the address, it runs already, which is no fault. named is the
// address as the command line has it.
func Bind(ctx context.Context, r *Report, own, what, named, network, address string) {
	var err error
	if network == "unix" {
		err = bindUnix(address)
	} else {
		err = bindTCP(ctx, address)
	}
	if err == nil {
		r.OK("%s: it can be bound", what)
		return
	}
	if errors.Is(err, syscall.EADDRINUSE) {
		h := holderOf(network, address)
		if h.program == own || h.program == "" && runs(own, named) {
			r.Note("%s: a running %s holds it%s; it cannot be tried meanwhile", what, own, h)
			return
		}
		r.Wrong(AddressTaken, what, "%s", h.name())
		return
	}
	r.Wrong(bindKind(network, err), what, "%v", err)
}

// HTTP is Bind for an address of an HTTP server, host:port or unix:/path; "": there is none.
func HTTP(ctx context.Context, r *Report, own, flag, text string) {
	if text == "" {
		return
	}
	network, address, err := listen.Address(text)
	if err != nil {
		r.Wrong(CannotBind, flag+" "+text, "%v", err)
		return
	}
	Bind(ctx, r, own, flag+" "+text, text, network, address)
}

func bindKind(network string, err error) Kind {
	switch {
	case network == "unix":
		return SocketFolder
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return NoSuchInterface
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		return PrivilegedPort
	}
	return CannotBind
}

// bindTCP binds a socket as net.Listen would, and closes it. An empty host means all interfaces, by IPv6 and IPv4 at
// once if there is IPv6.
func bindTCP(ctx context.Context, address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	asking, cancel := context.WithTimeout(ctx, stepTime)
	defer cancel()
	n, err := net.DefaultResolver.LookupPort(asking, "tcp", port)
	if err != nil {
		return err
	}
	if host == "" {
		err := bindAt(&unix.SockaddrInet6{Port: n}, unix.AF_INET6)
		if errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EADDRNOTAVAIL) {
			err = bindAt(&unix.SockaddrInet4{Port: n}, unix.AF_INET)
		}
		return err
	}
	found, err := net.DefaultResolver.LookupIPAddr(asking, host)
	if err != nil {
		return err
	}
	ip := found[0]
	for _, other := range found { // as net.Listen, which takes the first of IPv4
		if ip.IP.To4() == nil && other.IP.To4() != nil {
			ip = other
		}
	}
	if four := ip.IP.To4(); four != nil {
		return bindAt(&unix.SockaddrInet4{Port: n, Addr: [4]byte(four)}, unix.AF_INET)
	}
	at := &unix.SockaddrInet6{Port: n, Addr: [16]byte(ip.IP.To16())}
	if ip.Zone != "" {
		zone, err := net.InterfaceByName(ip.Zone)
		if err != nil {
			return unix.EADDRNOTAVAIL
		}
		at.ZoneId = uint32(zone.Index)
	}
	return bindAt(at, unix.AF_INET6)
}

// bindAt binds, with SO_REUSEADDR, as Go's listeners do: with it, two sockets may be bound to one address as long as
// neither of them listens (socket(7)).
func bindAt(at unix.Sockaddr, family int) error {
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return err
	}
	return unix.Bind(fd, at)
}

// bindUnix returns what is in the way of a Unix socket, as listen.Listen would find it. It makes none.
func bindUnix(path string) error {
	if listensUnix(path) {
		return syscall.EADDRINUSE
	}
	if path[0] == '@' {
		return nil
	}
	info, err := os.Stat(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil && info.Mode()&fs.ModeSocket == 0 {
		return errors.New("there is a file of that name that is no socket")
	}
	return writable(filepath.Dir(path))
}

// writable returns why this user cannot make files in a folder, or nil.
func writable(folder string) error {
	if err := unix.Faccessat(unix.AT_FDCWD, folder, unix.W_OK|unix.X_OK, unix.AT_EACCESS); err != nil {
		return &fs.PathError{Op: "write to", Path: folder, Err: err}
	}
	return nil
}
