package terminal

import (
	"os"

	"golang.org/x/sys/unix"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/descriptor"
)

// The size of a terminal that does not report its own.
const (
	DefaultWidth  = 80
	DefaultHeight = 24
)

// IsTerminal reports whether f is a terminal.
func IsTerminal(f *os.File) bool {
	err := descriptor.Control(f, func(fd int) error {
		_, err := unix.IoctlGetTermios(fd, unix.TCGETS)
		return err
	})
	return err == nil
}

// Size returns the columns and lines of the terminal f, and the defaults for what it does not report.
func Size(f *os.File) (width, height int) {
	width, height = DefaultWidth, DefaultHeight
	descriptor.Control(f, func(fd int) error { //nolint:errcheck // then the defaults stay
		size, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ)
		if err == nil && size.Col > 0 {
			width = int(size.Col)
		}
		if err == nil && size.Row > 0 {
			height = int(size.Row)
		}
		return err
	})
	return width, height
}
