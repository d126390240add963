// Package running lets the programs of a host find and ask each other. Each listens at an abstract Unix socket
// (unix(7)), which needs no folder and leaves nothing behind:
//
//	@rsyslog-zeromq/PROGRAM/UID/GROUP/PLACE
//
// UID is the user that runs it. GROUP is what several processes serve together, a hash of their --metrics address, or
// -. PLACE counts the processes of a group from 1; a process takes the lowest that is free. Such names belong to a
// network namespace: the programs of a container are found in it.
//
// Anybody on the host may listen at such a name, and connect. Therefore both sides ask the kernel who the other is
// (SO_PEERCRED): a program answers its own user and root, and what asks takes no other user's answer for a name.
package running

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	prefix = "@rsyslog-zeromq/"
	// mostPlaces bounds the search for a free place.
	mostPlaces = 4096
	// sockets lists all Unix sockets of the network namespace (proc(5)).
	sockets = "/proc/net/unix"
	// mostBytes is how much of it is read.
	mostBytes = 64 << 20
)

// Name is that of a running program.
type Name struct {
	Program string
	User    int // uid
	Group   string
	Place   int
}

func (n Name) String() string {
	return prefix + n.Program + "/" + strconv.Itoa(n.User) + "/" + n.Group + "/" + strconv.Itoa(n.Place)
}

// Parse is the reverse of Name.String.
func Parse(text string) (n Name, ok bool) {
	rest, ok := strings.CutPrefix(text, prefix)
	parts := strings.Split(rest, "/")
	if !ok || len(parts) != 4 || parts[0] == "" || parts[2] == "" {
		return n, false
	}
	user, err := strconv.ParseUint(parts[1], 10, 31)
	place, err2 := strconv.ParseUint(parts[3], 10, 31)
	n = Name{Program: parts[0], User: int(user), Group: parts[2], Place: int(place)}
	return n, err == nil && err2 == nil && n.String() == text
}

// GroupOf returns the group of the processes that serve an address together; "": of those that serve none.
func GroupOf(address string) string {
	if address == "" {
		return "-"
	}
	h := fnv.New64a()
	io.WriteString(h, address)
	return strconv.FormatUint(h.Sum64(), 16)
}

// Listen listens at the lowest free place of a group. Connections of other users than ours and root are closed.
func Listen(program, group string) (net.Listener, Name, error) {
	name := Name{Program: program, User: os.Geteuid(), Group: group}
	for name.Place = 1; name.Place <= mostPlaces; name.Place++ {
		l, err := net.Listen("unix", name.String())
		if err == nil {
			return &guarded{l.(*net.UnixListener)}, name, nil
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			return nil, name, err
		}
	}
	return nil, name, fmt.Errorf("all %d places of %s are taken", mostPlaces, name)
}

// guarded lets in nobody but our user and root.
type guarded struct{ *net.UnixListener }

func (g *guarded) Accept() (net.Conn, error) {
	for {
		conn, err := g.UnixListener.AcceptUnix()
		if err != nil {
			return nil, err
		}
		if peer, err := credentials(conn); err == nil && (peer.Uid == 0 || int(peer.Uid) == os.Geteuid()) {
			return conn, nil
		}
		conn.Close()
	}
}

// Find returns the names at which programs listen, sorted. It does not connect.
func Find() ([]Name, error) {
	file, err := os.Open(sockets)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return find(io.LimitReader(file, mostBytes))
}

func find(list io.Reader) (names []Name, err error) {
	lines := bufio.NewReaderSize(list, 64<<10)
	for {
		line, err := lines.ReadString('\n')
		if fields := strings.Fields(line); len(fields) == 8 && fields[3] == "00010000" { // it listens
			if n, ok := Parse(fields[7]); ok {
				names = append(names, n)
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(names, func(a, b Name) int {
		if a.Program == b.Program && a.Group == b.Group {
			return a.Place - b.Place
		}
		return strings.Compare(a.String(), b.String())
	})
	return slices.Compact(names), nil
}

// ErrForbidden: a program answers its own user and root.
var ErrForbidden = errors.New("it answers its own user and root alone: ask as one of them")

// Dial connects to a running program.
func Dial(ctx context.Context, n Name) (net.Conn, error) {
	if me := os.Geteuid(); me != 0 && me != n.User {
		return nil, ErrForbidden
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", n.String())
	if err != nil {
		return nil, err
	}
	if peer, err := credentials(conn.(*net.UnixConn)); err != nil || int(peer.Uid) != n.User {
		conn.Close()
		return nil, fmt.Errorf("another user than uid %d listens at its name", n.User)
	}
	return conn, nil
}

// Process returns the pid of who listens at the other side of a connection; 0: it is not known.
func Process(conn net.Conn) int {
	if local, ok := conn.(*net.UnixConn); ok {
		if peer, err := credentials(local); err == nil {
			return int(peer.Pid)
		}
	}
	return 0
}

// credentials returns who the other side of a connection is; for a listener's side, who began to listen.
func credentials(conn *net.UnixConn) (peer *unix.Ucred, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	if failed := raw.Control(func(fd uintptr) { peer, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); failed != nil {
		return nil, failed
	}
	return peer, err
}
