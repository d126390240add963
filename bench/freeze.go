package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// freeze stops all threads of a program; its kernel goes on accepting connections and bytes for it. thaw continues it.
func freeze(ctx context.Context, cmd *exec.Cmd) (thaw func(), err error) {
	pid := cmd.Process.Pid
	thaw = func() { cmd.Process.Signal(syscall.SIGCONT) } //nolint:errcheck // it may have ended
	if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		return thaw, fmt.Errorf("%q: %w", cmd.Args, err)
	}
	for !frozen(pid) { // threads do not stop at once
		if ctx.Err() != nil {
			thaw()
			return thaw, fmt.Errorf("%q does not stop: %w", cmd.Args, ctx.Err())
		}
		time.Sleep(time.Millisecond)
	}
	return thaw, nil
}

// frozen reports whether all threads of a process are stopped.
func frozen(pid int) bool {
	for _, thread := range threads(pid) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/stat", pid, thread))
		if err == nil && !bytes.HasPrefix(stat[bytes.LastIndexByte(stat, ')')+1:], []byte(" T")) {
			return false
		}
	}
	return true
}
