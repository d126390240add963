package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// placement is on which CPUs the processes run, as taskset takes them; empty: chosen by the kernel.
type placement struct{ rsyslogd, program string }

func (p placement) prefix(cpus string) []string {
	if cpus == "" {
		return nil
	}
	return []string{"taskset", "-c", cpus}
}

// config is a private rsyslogd's: %[1]s is its folder, %[2]s the module, %[3]s the action's own parameters and %[4]d
// the number of queue workers. Input goes straight to the action's queue.
const config = `
global(workDirectory="%[1]s" maxMessageSize="128k")
module(load="imptcp")
%[2]s
template(name="line" type="string" string="%%rawmsg%%\n")
template(name="bare" type="string" string="%%rawmsg%%")
ruleset(name="in" queue.type="direct") {
	action(%[3]s
		queue.type="linkedList" queue.size="1000000" queue.dequeueBatchSize="1000" queue.workerThreads="%[4]d"
		queue.workerThreadMinimumMessages="1000" queue.timeoutShutdown="60000")
}
input(type="imptcp" path="%[1]s/in" ruleset="in" unlink="on")
`

// rsyslogd is a running rsyslogd in a folder of its own.
type rsyslogd struct {
	dir  string
	size int // of a message
	cmd  *exec.Cmd
}

// newRsyslogd returns one that is to be started. The caller stops it, even after an error.
func (b *omprogBench) newRsyslogd() (*rsyslogd, error) {
	dir, err := os.MkdirTemp("", "rz-bench-")
	return &rsyslogd{dir: dir, size: b.messageSize()}, err
}

// start starts rsyslogd. In module and action, {dir} stands for its folder.
func (r *rsyslogd) start(ctx context.Context, place placement, workers int, module, action string) error {
	return r.startWith(ctx, place, strings.ReplaceAll(fmt.Sprintf(config, r.dir, module, action, max(1, workers)), "{dir}", r.dir))
}

// startWith starts rsyslogd with a whole configuration.
func (r *rsyslogd) startWith(ctx context.Context, place placement, text string) error {
	if err := os.WriteFile(filepath.Join(r.dir, "conf"), []byte(text), 0o600); err != nil {
		return err
	}
	args := append(place.prefix(place.rsyslogd), "/usr/sbin/rsyslogd", "-n", "-f", r.dir+"/conf", "-i", r.dir+"/pid")
	r.cmd = exec.CommandContext(ctx, args[0], args[1:]...)
	log, err := os.Create(filepath.Join(r.dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	r.cmd.Stdout, r.cmd.Stderr = log, log
	return r.cmd.Start()
}

// fill feeds the queue and returns when rsyslogd has taken everything, which it signals by closing the
// connection.
func (r *rsyslogd) fill(ctx context.Context, n int) error {
	conn, err := r.dial(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := errors.Join(writeLines(conn, n, r.size), conn.CloseWrite()); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, conn)
	return err
}

// dial connects to the input, as soon as there is one.
func (r *rsyslogd) dial(ctx context.Context) (*net.UnixConn, error) {
	for {
		conn, err := net.Dial("unix", r.dir+"/in")
		if err == nil {
			return conn.(*net.UnixConn), nil
		}
		if ctx.Err() != nil {
			return nil, err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// writeLines writes n different messages of a size, with a line feed after each.
func writeLines(out io.Writer, n, size int) error { return writeLinesFrom(out, 0, n, size) }

// writeLinesFrom writes those with the numbers from one to before another.
func writeLinesFrom(out io.Writer, from, to, size int) error {
	w := bufio.NewWriterSize(out, 256<<10)
	filling := strings.Repeat("x", size)
	for i := from; i < to; i++ {
		head := fmt.Sprintf("<14>Nov 22 05:54:52 host app[123]: %07d ", i)
		if _, err := fmt.Fprintln(w, head+filling[len(head):]); err != nil {
			return err
		}
	}
	return w.Flush()
}

// children returns the process ids of what rsyslogd runs.
func (r *rsyslogd) children() (pids []string) {
	pid := r.cmd.Process.Pid // taskset has execed rsyslogd
	for _, thread := range threads(pid) {
		children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", pid, thread)) // none if the thread has ended
		pids = append(pids, strings.Fields(string(children))...)
	}
	return pids
}

// processCPU returns the CPU time of a process so far, in seconds.
func processCPU(pid string) (float64, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%s/stat", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	user, err1 := strconv.ParseFloat(fields[11], 64)
	system, err2 := strconv.ParseFloat(fields[12], 64)
	const ticks = 100 // per second: USER_HZ
	return (user + system) / ticks, errors.Join(err1, err2)
}

func threads(pid int) (names []string) {
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return nil
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// stop ends rsyslogd, at most ten seconds later, and removes its folder.
func (r *rsyslogd) stop() {
	if r.cmd != nil && r.cmd.Process != nil {
		r.cmd.Process.Signal(syscall.SIGTERM)
		late := time.AfterFunc(10*time.Second, r.kill)
		r.cmd.Wait() // its exit code is not what is measured
		late.Stop()
	}
	os.RemoveAll(r.dir)
}

// kill ends rsyslogd and what it runs at once, however much is in its queue.
func (r *rsyslogd) kill() {
	if r.cmd == nil || r.cmd.Process == nil {
		return
	}
	children := r.children()
	r.cmd.Process.Kill() //nolint:errcheck // it may have ended
	for _, text := range children {
		if pid, err := strconv.Atoi(text); err == nil {
			syscall.Kill(pid, syscall.SIGKILL) //nolint:errcheck // likewise
		}
	}
}

// complaint adds to an error what rsyslogd and its program wrote.
func (r *rsyslogd) complaint(err error) error {
	if err == nil {
		return nil
	}
	for _, name := range []string{"log", "stderr"} {
		said, readErr := os.ReadFile(filepath.Join(r.dir, name))
		if readErr == nil && len(said) > 0 {
			err = fmt.Errorf("%w\n%s: %s", err, name, bytes.TrimSpace(said[max(0, len(said)-2000):]))
		}
	}
	return err
}
