package lines

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// unblock sets O_NONBLOCK on a pipe or socket. direct: the descriptor does not block now; restore: it did before.
func unblock(fd int) (direct, restore bool, err error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return false, false, fmt.Errorf("fstat: %w", err)
	}
	if !waits(&st) {
		return false, false, nil
	}
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err != nil {
		return false, false, fmt.Errorf("get its flags: %w", err)
	}
	if flags&unix.O_NONBLOCK != 0 {
		return true, false, nil
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFL, flags|unix.O_NONBLOCK); err != nil {
		return false, false, fmt.Errorf("set O_NONBLOCK: %w", err)
	}
	return true, true, nil
}

// reblock takes O_NONBLOCK away again.
func reblock(fd int, restore bool) error {
	if !restore {
		return nil
	}
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err == nil {
		_, err = unix.FcntlInt(uintptr(fd), unix.F_SETFL, flags&^unix.O_NONBLOCK)
	}
	if err != nil {
		return fmt.Errorf("make descriptor %d blocking again: %w", fd, err)
	}
	return nil
}

func waits(st *unix.Stat_t) bool {
	kind := st.Mode & unix.S_IFMT
	return kind == unix.S_IFIFO || kind == unix.S_IFSOCK
}

// Confirmed tells whether somebody reads the replies written to stdout. omprog with confirmMessages="on" reads a pipe of
// their own; with "off" stdout is /dev/null, or with output= the one pipe that is stderr too. A terminal counts as a reader.
func Confirmed(stdout, stderr int) bool {
	var out, err unix.Stat_t
	if unix.Fstat(stdout, &out) != nil {
		return false
	}
	if !waits(&out) {
		_, notty := unix.IoctlGetTermios(stdout, unix.TCGETS)
		return notty == nil
	}
	return unix.Fstat(stderr, &err) != nil || out.Dev != err.Dev || out.Ino != err.Ino
}

// onlyOneCPU tells whether we and the parent process, which feeds us, may run on one and the same CPU only: then whoever
// spins holds up the one it waits for.
func onlyOneCPU() bool {
	var ours, parents unix.CPUSet
	if unix.SchedGetaffinity(0, &ours) != nil || unix.SchedGetaffinity(unix.Getppid(), &parents) != nil {
		return false
	}
	return ours.Count() == 1 && ours == parents
}
