package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// idleSeconds is how long idle programs are watched.
const idleSeconds = 20

// idleRow counts what our programs do while they are connected to each other and there is nothing to do.
func idleRow(programs string) row {
	var words string
	return row{"wakeups", "what programs do that are connected and have nothing to do", []contestant{
		ours("all of them", func(ctx context.Context) (s sample, err error) {
			s, words, err = watchIdle(ctx, programs)
			return s, err
		}),
	}, func([]float64) string { return words }}
}

func watchIdle(ctx context.Context, programs string) (s sample, words string, err error) {
	dir, err := os.MkdirTemp("", "rz-bench-")
	if err != nil {
		return s, "", err
	}
	defer os.RemoveAll(dir)
	var ports [3]int
	for i := range ports {
		if ports[i], err = freePort(); err != nil {
			return s, "", err
		}
	}
	in, out := fmt.Sprint("tcp://127.0.0.1:", ports[0]), fmt.Sprint("tcp://127.0.0.1:", ports[1])
	relp := fmt.Sprint("127.0.0.1:", ports[2])
	var all []process
	var pids []int
	for _, program := range []struct{ name, line string }{
		{"imzmq", "imzmq --bind " + in + " --to -"},
		{"omzmq", "omzmq --connect " + in},
		{"omzmq --relp --journal", "omzmq --connect " + in + " --journal " + dir + " --relp " + relp},
		{"zmqtap hub", "zmqtap hub --in tcp://127.0.0.1:0 --out " + out},
		{"zmqtap", "zmqtap " + out},
	} {
		args := strings.Fields(program.line + " --log-level error")
		cmd := exec.CommandContext(ctx, filepath.Join(programs, args[0]), args[1:]...)
		cmd.Stderr = os.Stderr
		stdin, err := cmd.StdinPipe() // omzmq ends with it
		if err := errors.Join(err, cmd.Start()); err != nil {
			return s, "", err
		}
		defer func() {
			stdin.Close()
			cmd.Process.Kill()
			cmd.Wait()
		}()
		all, pids = append(all, of(program.name, cmd)), append(pids, cmd.Process.Pid)
	}
	time.Sleep(3 * time.Second) // until they are connected
	l, err := watch(all)
	if err != nil {
		return s, "", err
	}
	switches := make([]int, len(all))
	for i := range pids {
		switches[i] = -contextSwitches(pids[i])
	}
	time.Sleep(idleSeconds * time.Second)
	for i := range pids {
		switches[i] += contextSwitches(pids[i])
		words += fmt.Sprintf(", %s %.1f", all[i].name, float64(switches[i])/idleSeconds)
	}
	s.Usage, err = l.usage(0)
	return s, "context switches a second: " + words[2:], errors.Join(err, ctx.Err())
}

// contextSwitches returns how often the threads of a process have been put on a CPU.
func contextSwitches(pid int) (all int) {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	for _, task := range tasks {
		text, _ := os.ReadFile(task) // a thread may have ended
		for line := range strings.Lines(string(text)) {
			var n int
			if _, number, found := strings.Cut(line, "voluntary_ctxt_switches:"); found {
				fmt.Sscan(number, &n) //nolint:errcheck // then it is 0
			}
			all += n
		}
	}
	return all
}
