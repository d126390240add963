package improg

import "golang.org/x/sys/unix"

// rwfNowait is RWF_NOWAIT of pwritev2(2): a write that would block fails with EAGAIN. An older Linux does not have it
// for pipes and fails with EOPNOTSUPP. O_NONBLOCK would be a change for all that have the pipe open.
const rwfNowait = 0x8

// writeNowait writes b if that does not block.
func writeNowait(fd int, b []byte) (int, error) {
	return unix.Pwritev2(fd, [][]byte{b}, -1, rwfNowait)
}
