package main

import (
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"
)

// process is anything whose CPU time, in seconds, can be read.
type process struct {
	name string
	cpu  func() (float64, error)
}

// of returns the process of a command.
func of(name string, cmd *exec.Cmd) process {
	return process{name, func() (float64, error) { return processCPU(fmt.Sprint(cmd.Process.Pid)) }}
}

// output is rsyslogd without its input: see outputCPU.
func (r *rsyslogd) output() process {
	return process{"rsyslogd's output", func() (float64, error) { return r.outputCPU(), nil }}
}

// share is the fraction of the time for which a process kept one CPU busy; with several threads it may exceed
// 1.
type share struct {
	process string
	cpus    float64
}

// load is the CPU time that processes use from a moment on.
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

// shares returns what the processes have used so far.
func (l *load) shares() (shares []share, all error) {
	seconds := time.Since(l.since).Seconds()
	for i, p := range l.processes {
		cpu, err := p.cpu()
		shares = append(shares, share{p.name, (cpu - l.before[i]) / seconds})
		all = errors.Join(all, err)
	}
	return shares, all
}

// printShares prints the medians of a contestant's shares, if it has any. A process near 100% holds up the
// others. If none is, they wait for each other or for a CPU.
func printShares(out io.Writer, name string, samples []sample) {
	var texts []string
	for i, first := range samples[0].shares {
		cpus := median(column(samples, func(s sample) float64 { return s.shares[i].cpus }))
		texts = append(texts, fmt.Sprintf("%s %.0f%%", first.process, cpus*100))
	}
	if len(texts) > 0 {
		fmt.Fprintf(out, "    %s: of one CPU, %s\n", name, strings.Join(texts, ", "))
	}
}
