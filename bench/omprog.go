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

	"golang.org/x/sys/unix"
)

// placement says on which CPUs the processes run, as taskset takes it; empty: where the kernel puts them.
type placement struct{ rsyslogd, program string }

func (p placement) prefix(cpus string) []string {
	if cpus == "" {
		return nil
	}
	return []string{"taskset", "-c", cpus}
}

// omprogBench measures programs behind the real rsyslogd's omprog. The action's queue is filled first, while a shell
// script holds the program's place, waiting at a fifo; then the script becomes the program, and the
// queue is emptied as fast as the conversation goes. The time is that from the first to the last message, at the
// side where they arrive.
type omprogBench struct{ programs string }

const omprogConfig = `
global(workDirectory="%[1]s")
module(load="imptcp")
module(load="omprog")
template(name="line" type="string" string="%%rawmsg%%\n")
ruleset(name="in" queue.type="direct") {
	action(type="omprog" binary="%[1]s/hold" template="line" confirmMessages="on" confirmTimeout="60000" useTransactions="on" output="%[1]s/stderr"
		queue.type="linkedList" queue.size="1000000" queue.dequeueBatchSize="1000" queue.workerThreads="1" queue.timeoutShutdown="10000")
}
input(type="imptcp" path="%[1]s/in" ruleset="in" unlink="on")
`

// rsyslogd is a running rsyslogd with a full queue and a held program.
type rsyslogd struct {
	dir string
	cmd *exec.Cmd
}

// startHeld starts rsyslogd and fills its queue with n messages for command.
func startHeld(ctx context.Context, n int, place placement, command string) (*rsyslogd, error) {
	dir, err := os.MkdirTemp("", "rz-bench-")
	if err != nil {
		return nil, err
	}
	r := &rsyslogd{dir: dir}
	words := append(place.prefix(place.program), command)
	hold := fmt.Sprintf("#!/bin/sh\nread x < %s/go\nexec %s\n", dir, strings.Join(words, " "))
	err = errors.Join(
		unix.Mkfifo(filepath.Join(dir, "go"), 0o600),
		os.WriteFile(filepath.Join(dir, "hold"), []byte(hold), 0o700),
		os.WriteFile(filepath.Join(dir, "conf"), fmt.Appendf(nil, omprogConfig, dir), 0o600),
	)
	if err != nil {
		return r, err
	}
	args := append(place.prefix(place.rsyslogd), "/usr/sbin/rsyslogd", "-n", "-f", dir+"/conf", "-i", dir+"/pid")
	r.cmd = exec.CommandContext(ctx, args[0], args[1:]...)
	if err := r.cmd.Start(); err != nil {
		return r, err
	}
	return r, r.fill(ctx, n)
}

// fill feeds the queue and returns when rsyslogd has taken everything: it closes the connection then.
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
	line := "<14>Nov 22 05:54:52 host app[123]: "
	line += strings.Repeat("x", messageSize-len(line)) + "\n"
	w := bufio.NewWriterSize(conn, 256<<10)
	for range n {
		if _, err := w.WriteString(line); err != nil {
			return err
		}
	}
	if err := errors.Join(w.Flush(), conn.(*net.UnixConn).CloseWrite()); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, conn)
	return err
}

// release lets the program begin.
func (r *rsyslogd) release() error {
	return os.WriteFile(filepath.Join(r.dir, "go"), []byte("go\n"), 0)
}

// programCPU is the CPU time, in seconds, of rsyslogd's only child.
func (r *rsyslogd) programCPU() (float64, error) {
	pid := r.cmd.Process.Pid // taskset has become rsyslogd
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", pid))
	if err != nil {
		return 0, err
	}
	for _, thread := range threads(pid) {
		if more, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", pid, thread)); err == nil && len(bytes.TrimSpace(children)) == 0 {
			children = more
		}
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%s/stat", bytes.TrimSpace(children)))
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

// stop ends rsyslogd, shows what the program complained of, and removes the folder.
func (r *rsyslogd) stop() {
	if r.cmd != nil && r.cmd.Process != nil {
		r.cmd.Process.Signal(syscall.SIGTERM)
		r.cmd.Wait() // its exit code is not what is measured
	}
	os.RemoveAll(r.dir)
}

// confirmer measures one of the references, which report by themselves.
func (b *omprogBench) confirmer(name string, n int, place placement) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		report, err := os.MkdirTemp("", "rz-bench-")
		if err != nil {
			return sample{}, err
		}
		defer os.RemoveAll(report)
		file := filepath.Join(report, "times")
		r, err := startHeld(ctx, n, place, fmt.Sprintf("%s %s %d", filepath.Join(b.programs, name), file, n))
		defer r.stop()
		if err != nil {
			return sample{}, err
		}
		if err := r.release(); err != nil {
			return sample{}, err
		}
		for ctx.Err() == nil {
			if text, err := os.ReadFile(file); err == nil {
				return parseReport(string(text))
			}
			time.Sleep(20 * time.Millisecond)
		}
		return sample{}, ctx.Err()
	}
}

// push measures omzmq --socket push --confirm sent at a libzmq PULL.
func (b *omprogBench) push(n int, place placement) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		p, err := startPuller(ctx, place.prefix(place.program), filepath.Join(b.programs, "zmq_pull"), fmt.Sprint(n))
		if err != nil {
			return sample{}, err
		}
		command := fmt.Sprintf("%s --socket push --confirm sent --connect %s", filepath.Join(b.programs, "omzmq"), p.endpoint)
		return b.through(ctx, n, place, command, p.finish)
	}
}

// stored measures omzmq and imzmq --to -, at imzmq's standard output.
func (b *omprogBench) stored(n int, place placement) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		dir, err := os.MkdirTemp("", "rz-bench-")
		if err != nil {
			return sample{}, err
		}
		defer os.RemoveAll(dir)
		endpoint := "ipc://" + dir + "/zmq"
		args := append(place.prefix(place.program), filepath.Join(b.programs, "imzmq"), "--bind", endpoint, "--to", "-", "--log-level", "error")
		imzmq := exec.CommandContext(ctx, args[0], args[1:]...)
		imzmq.Stderr = os.Stderr
		out, err := imzmq.StdoutPipe()
		if err != nil {
			return sample{}, err
		}
		if err := imzmq.Start(); err != nil {
			return sample{}, err
		}
		defer func() {
			imzmq.Process.Signal(syscall.SIGTERM)
			imzmq.Wait() // its exit code is not what is measured
		}()
		command := fmt.Sprintf("%s --connect %s", filepath.Join(b.programs, "omzmq"), endpoint)
		return b.through(ctx, n, place, command, func() (sample, error) { return countLines(out, n) })
	}
}

// through releases the queue into command and adds its CPU time to what arrives says.
func (b *omprogBench) through(ctx context.Context, n int, place placement, command string, arrives func() (sample, error)) (sample, error) {
	r, err := startHeld(ctx, n, place, command)
	defer r.stop()
	if err != nil {
		return sample{}, err
	}
	if err := r.release(); err != nil {
		return sample{}, err
	}
	s, err := arrives()
	if err != nil {
		return sample{}, err
	}
	cpu, err := r.programCPU()
	s.cpu = cpu / float64(n) * 1e6
	return s, err
}

// countLines takes n lines and the time from the first to the last.
func countLines(out io.Reader, n int) (sample, error) {
	buf := make([]byte, 256<<10)
	var first time.Time
	for got := 0; got < n; {
		k, err := out.Read(buf)
		if err != nil {
			return sample{}, err
		}
		if first.IsZero() {
			first = time.Now()
		}
		got += bytes.Count(buf[:k], []byte{'\n'})
	}
	return sample{rate: float64(n) / time.Since(first).Seconds()}, nil
}
