//go:build !linux

package improg

import "golang.org/x/sys/unix"

func writeNowait(int, []byte) (int, error) { return 0, unix.EOPNOTSUPP }
