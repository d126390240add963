package descriptor

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Unblock sets O_NONBLOCK if fd is a pipe or socket, and leaves anything else as it is: a terminal, for
// example, is shared with the shell. It reports whether fd is non-blocking now. Restore takes away
// O_NONBLOCK if Unblock has set it; further calls do nothing.
func Unblock(fd int) (nonblocking bool, restore func() error, err error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return false, nil, fmt.Errorf("fstat: %w", err)
	}
	unchanged := func() error { return nil }
	if kind := st.Mode & unix.S_IFMT; kind != unix.S_IFIFO && kind != unix.S_IFSOCK {
		return false, unchanged, nil
	}
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		return false, nil, fmt.Errorf("get its flags: %w", err)
	}
	if flags&unix.O_NONBLOCK != 0 {
		return true, unchanged, nil
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return false, nil, fmt.Errorf("set O_NONBLOCK: %w", err)
	}
	restored := false
	return true, func() error {
		if restored {
			return nil
		}
		restored = true
		if err := unix.SetNonblock(fd, false); err != nil {
			return fmt.Errorf("make descriptor %d blocking again: %w", fd, err)
		}
		return nil
	}, nil
}
