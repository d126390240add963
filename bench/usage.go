package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/bench/result"
)

// process is one or more processes of which it is known what they use.
type process struct {
	name string
	cpu  func() (float64, error) // seconds so far
	peak func() float64          // most resident memory of one of them so far, in MiB; 0: unknown
}

// of returns the process of a command, which must not have been waited for.
func of(name string, cmd *exec.Cmd) process {
	return together(name, func() []string { return []string{fmt.Sprint(cmd.Process.Pid)} })
}

// together returns several processes as one.
func together(name string, pids func() []string) process {
	return process{name, func() (seconds float64, all error) {
		for _, pid := range pids() {
			cpu, err := processCPU(pid)
			seconds, all = seconds+cpu, errors.Join(all, err)
		}
		return seconds, all
	}, func() (peak float64) {
		for _, pid := range pids() {
			peak = max(peak, processPeak(pid))
		}
		return peak
	}}
}

// output is rsyslogd without its input (see outputCPU), but with all of its memory, which holds the queue.
func (r *rsyslogd) output() process {
	p := of("rsyslogd's output", r.cmd)
	p.cpu = func() (float64, error) { return r.outputCPU(), nil }
	return p
}

// program is what rsyslogd runs under omprog, one process or more.
func (r *rsyslogd) program() process { return together("omzmq", r.children) }

// processPeak returns VmHWM in MiB.
func processPeak(pid string) (mib float64) {
	text, _ := os.ReadFile("/proc/" + pid + "/status")
	for line := range strings.Lines(string(text)) {
		if kib, found := strings.CutPrefix(line, "VmHWM:"); found {
			fmt.Sscan(kib, &mib) //nolint:errcheck // 0 if there is none
			return mib / 1024
		}
	}
	return 0
}

// used returns what processes have used since they began, of which n messages were the work.
func used(n int, processes ...process) (all []result.Usage, failed error) {
	for _, p := range processes {
		cpu, err := p.cpu()
		all = append(all, result.Usage{Process: p.name, CPU: cpu / float64(n) * 1e6, Peak: p.peak()})
		failed = errors.Join(failed, err)
	}
	return all, failed
}

// load is what processes use from a moment on.
type load struct {
	processes []process
	before    []float64
	since     time.Time
}

// watch begins a load now.
func watch(processes []process) (*load, error) {
	l := &load{processes: processes, since: time.Now()}
	var all error
	for _, p := range processes {
		cpu, err := p.cpu()
		l.before = append(l.before, cpu)
		all = errors.Join(all, err)
	}
	return l, all
}

// usage returns what the processes have used so far for n messages. 0: unknown how many.
func (l *load) usage(n int) (usage []result.Usage, all error) {
	seconds := time.Since(l.since).Seconds()
	for i, p := range l.processes {
		cpu, err := p.cpu()
		cpu -= l.before[i]
		u := result.Usage{Process: p.name, CPUs: cpu / seconds, Peak: p.peak()}
		if n > 0 {
			u.CPU = cpu / float64(n) * 1e6
		}
		usage = append(usage, u)
		all = errors.Join(all, err)
	}
	return usage, all
}

// cpuOf returns the CPU seconds per million messages of one of the processes.
func cpuOf(usage []result.Usage, name string) float64 {
	for _, u := range usage {
		if u.Process == name {
			return u.CPU
		}
	}
	return 0
}

// printUsage prints the medians of what a contestant's processes used, if it is known. A process near 100% of a CPU
// holds up the others. If none is, they wait for each other or for a CPU.
func printUsage(out io.Writer, name string, samples []sample) {
	var texts []string
	for i, first := range samples[0].Usage {
		of := func(value func(result.Usage) float64) float64 {
			return median(column(samples, func(s sample) float64 { return value(s.Usage[i]) }))
		}
		var figures []string
		if cpu := of(func(u result.Usage) float64 { return u.CPU }); cpu > 0 {
			figures = append(figures, fmt.Sprintf("%.2f s/M", cpu))
		}
		if cpus := of(func(u result.Usage) float64 { return u.CPUs }); cpus > 0 {
			figures = append(figures, fmt.Sprintf("%.0f%% of a CPU", cpus*100))
		}
		if peak := of(func(u result.Usage) float64 { return u.Peak }); peak > 0 {
			figures = append(figures, fmt.Sprintf("%.1f MiB", peak))
		}
		texts = append(texts, first.Process+" "+strings.Join(figures, " "))
	}
	if len(texts) > 0 {
		fmt.Fprintf(out, "    %s: %s\n", name, strings.Join(texts, "; "))
	}
}
