package omprog

import (
	"time"

	"golang.org/x/sys/unix"
)

// DefaultConfirmTimeout is how long omprog waits for a reply unless its confirmTimeout says otherwise. A
// reply that has found no room in the pipe for that long is not being read.
const DefaultConfirmTimeout = 10 * time.Second

// Confirmed reports whether the replies written to stdout are read. With confirmMessages="on", omprog reads
// them from a pipe of their own. With "off", stdout is /dev/null, or with output= the pipe that is also
// stderr. A terminal counts as a reader.
func Confirmed(stdout, stderr int) bool {
	var out, err unix.Stat_t
	if unix.Fstat(stdout, &out) != nil {
		return false
	}
	if kind := out.Mode & unix.S_IFMT; kind != unix.S_IFIFO && kind != unix.S_IFSOCK {
		_, notTerminal := unix.IoctlGetTermios(stdout, unix.TCGETS)
		return notTerminal == nil
	}
	return unix.Fstat(stderr, &err) != nil || out.Dev != err.Dev || out.Ino != err.Ino
}
