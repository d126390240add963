package check

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// holder is the process that listens at an address, as far as /proc shows it to this user.
type holder struct {
	pid     int
	program string // its name; "": not known
}

func (h holder) String() string {
	if h.pid == 0 {
		return ""
	}
	return fmt.Sprintf(" (process %d)", h.pid)
}

// name says who it is.
func (h holder) name() string {
	if h.pid == 0 {
		return "which one is not shown to this user"
	}
	return fmt.Sprintf("%s, process %d", h.program, h.pid)
}

// maxTable is how many bytes of a table of sockets are read.
const maxTable = 16 << 20

// holderOf finds the process that listens at an address.
func holderOf(network, address string) holder {
	inodes := tcpListeners(address)
	if network == "unix" {
		inodes = unixListeners(address)
	}
	if len(inodes) == 0 {
		return holder{}
	}
	links, _ := filepath.Glob("/proc/[0-9]*/fd/[0-9]*") // those of others are left out where they are hidden
	for _, link := range links {
		target, err := os.Readlink(link)
		inode, found := strings.CutPrefix(target, "socket:[")
		if err != nil || !found || !slices.Contains(inodes, strings.TrimSuffix(inode, "]")) {
			continue
		}
		pid, _ := strconv.Atoi(strings.Split(link, "/")[2]) // the pattern has digits there
		return holder{pid: pid, program: programOf(pid)}
	}
	return holder{}
}

// programOf returns the name of a process's program, as it was called: the file may be that of another name.
func programOf(pid int) string {
	line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)) // the process may have ended
	path, _, _ := strings.Cut(string(line), "\x00")
	name, _, _ := strings.Cut(filepath.Base(path), " ") // redis-server writes its address there
	return name
}

// tcpListeners returns the inodes of the sockets that listen at a port. Which of this host's addresses they listen at
// does not matter: the address was found to be taken.
func tcpListeners(address string) (inodes []string) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil
	}
	n, _ := strconv.Atoi(port)
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		for line := range bytes.Lines(readTable(table)) {
			f := bytes.Fields(line) // sl local_address rem_address st … inode (proc(5))
			if len(f) > 9 && bytes.HasSuffix(f[1], fmt.Appendf(nil, ":%04X", n)) && string(f[3]) == "0A" {
				inodes = append(inodes, string(f[9]))
			}
		}
	}
	return inodes
}

// unixListeners returns the inodes of the Unix sockets that listen at a path.
func unixListeners(path string) (inodes []string) {
	const listening = 1 << 16 // __SO_ACCEPTCON (proc(5))
	for line := range bytes.Lines(readTable("/proc/net/unix")) {
		f := strings.Fields(string(line)) // Num RefCount Protocol Flags Type St Inode Path
		if len(f) < 8 || strings.Join(f[7:], " ") != path {
			continue
		}
		if flags, err := strconv.ParseUint(f[3], 16, 64); err == nil && flags&listening != 0 {
			inodes = append(inodes, f[6])
		}
	}
	return inodes
}

func listensUnix(path string) bool { return len(unixListeners(path)) > 0 }

func readTable(name string) []byte {
	file, err := os.Open(name)
	if err != nil {
		return nil
	}
	defer file.Close()
	return limited(file, maxTable)
}

// runs reports whether a program runs that has an address in its command line. Users to whom the descriptors of a
// process are hidden may see that.
func runs(program, address string) bool {
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	self := fmt.Sprintf("/proc/%d/cmdline", os.Getpid())
	for _, name := range lines {
		text, err := os.ReadFile(name)
		args := strings.Split(string(text), "\x00")
		if err != nil || name == self || filepath.Base(args[0]) != program {
			continue
		}
		checks := slices.ContainsFunc(args, func(arg string) bool { return strings.HasPrefix(arg, "--check") })
		if !checks && slices.ContainsFunc(args, func(arg string) bool { return strings.HasSuffix(arg, address) }) {
			return true
		}
	}
	return false
}
