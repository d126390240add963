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

// config is a private rsyslogd's: %[1]s is its folder, %[2]s the module and %[3]s the action's own parameters.
// Input goes straight to the action's queue.
const config = `
global(workDirectory="%[1]s")
module(load="imptcp")
%[2]s
template(name="line" type="string" string="%%rawmsg%%\n")
template(name="bare" type="string" string="%%rawmsg%%")
ruleset(name="in" queue.type="direct") {
	action(%[3]s
		queue.type="linkedList" queue.size="1000000" queue.dequeueBatchSize="1000" queue.workerThreads="1" queue.timeoutShutdown="60000")
}
input(type="imptcp" path="%[1]s/in" ruleset="in" unlink="on")
`

// rsyslogd is a running rsyslogd in a folder of its own.
type rsyslogd struct {
	dir string
	cmd *exec.Cmd
}

// start starts rsyslogd. In module and action, {dir} stands for its folder.
func (r *rsyslogd) start(ctx context.Context, place placement, module, action string) error {
	text := strings.ReplaceAll(fmt.Sprintf(config, r.dir, module, action), "{dir}", r.dir)
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
	var conn net.Conn
	err := errors.New("not tried")
	for err != nil && ctx.Err() == nil {
		if conn, err = net.Dial("unix", r.dir+"/in"); err != nil {
			time.Sleep(10 * time.Millisecond)
		}
	}
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := errors.Join(writeLines(conn, n), conn.(*net.UnixConn).CloseWrite()); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, conn)
	return err
}

// writeLines writes n different messages of messageSize bytes, with a line feed after each.
func writeLines(out io.Writer, n int) error {
	w := bufio.NewWriterSize(out, 256<<10)
	filling := strings.Repeat("x", messageSize)
	for i := range n {
		head := fmt.Sprintf("<14>Nov 22 05:54:52 host app[123]: %07d ", i)
		if _, err := fmt.Fprintln(w, head+filling[len(head):]); err != nil {
			return err
		}
	}
	return w.Flush()
}

// programCPU returns the CPU time, in seconds, of rsyslogd's only child.
func (r *rsyslogd) programCPU() (float64, error) {
	pid := r.cmd.Process.Pid // taskset has execed rsyslogd
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", pid))
	if err != nil {
		return 0, err
	}
	for _, thread := range threads(pid) {
		if more, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", pid, thread)); err == nil && len(bytes.TrimSpace(children)) == 0 {
			children = more
		}
	}
	return processCPU(string(bytes.TrimSpace(children)))
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

// stop ends rsyslogd and removes its folder.
func (r *rsyslogd) stop() {
	if r.cmd != nil && r.cmd.Process != nil {
		r.cmd.Process.Signal(syscall.SIGTERM)
		r.cmd.Wait() // its exit code is not what is measured
	}
	os.RemoveAll(r.dir)
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
