package listen

import "syscall"

// reserve is how many descriptors are left for other things than connections of peers: destinations, files, logs, and
// a connection that is accepted in order to be refused.
const reserve = 64

// Descriptors returns how many connections the limit on this process's descriptors leaves room for (RLIMIT_NOFILE,
// getrlimit(2); Go raises the soft limit to the hard one), and that limit.
func Descriptors() (room, limit int) {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return 1 << 20, 1 << 20 // impossible
	}
	limit = int(min(l.Cur, 1<<30))
	return max(limit-reserve, limit/2), limit
}
