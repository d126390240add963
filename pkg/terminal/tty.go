package terminal

import (
	"os"

	"golang.org/x/sys/unix"
)

// The size of a terminal that does not tell its own.
const (
	DefaultWidth  = 80
	DefaultHeight = 24
)

// IsTerminal tells whether f is a terminal.
func IsTerminal(f *os.File) bool {
	err := control(f, func(fd int) error {
		_, err := unix.IoctlGetTermios(fd, unix.TCGETS)
		return err
	})
	return err == nil
}

// Size returns the columns and lines of the terminal that f is; the defaults for what it does not tell.
func Size(f *os.File) (width, height int) {
	width, height = DefaultWidth, DefaultHeight
	control(f, func(fd int) error { //nolint:errcheck // then the defaults stay
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

// control calls f with the descriptor, and unlike File.Fd leaves its mode as it is.
func control(file *os.File, f func(fd int) error) error {
	conn, err := file.SyscallConn()
	if err != nil {
		return err
	}
	if controlErr := conn.Control(func(fd uintptr) { err = f(int(fd)) }); controlErr != nil {
		return controlErr
	}
	return err
}
