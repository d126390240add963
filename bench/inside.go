package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// omczmq measures the CPU time of rsyslogd's output side (see outputCPU) with rsyslog's own ZeroMQ output,
// sending to a libzmq PULL. The result of devNull is to be subtracted. There is no rate: omczmq calls a
// message sent when it is in libzmq's memory, so its queue cannot be held back until it is full.
func (b *omprogBench) omczmq(n int) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		p, err := startPuller(ctx, nil, filepath.Join(b.programs, "zmq_pull"), fmt.Sprint(n))
		if err != nil {
			return sample{}, err
		}
		r, err := startInside(ctx, n, placement{}, `module(load="omczmq")`,
			fmt.Sprintf(`type="omczmq" endpoints=">%s" socktype="PUSH" template="bare"`, p.endpoint))
		defer r.stop()
		if err != nil {
			return sample{}, err
		}
		if _, err := p.finish(); err != nil {
			return sample{}, r.complaint(err)
		}
		return sample{cpu: r.outputCPU() / float64(n) * 1e6}, nil
	}
}

// devNull measures the same for an rsyslogd that does everything except sending.
func (b *omprogBench) devNull(n int) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		r, err := startInside(ctx, n, placement{}, "", `type="omfile" file="/dev/null" template="bare"`)
		defer r.stop()
		if err != nil {
			return sample{}, err
		}
		return sample{cpu: r.settledCPU(ctx) / float64(n) * 1e6}, ctx.Err()
	}
}

// settledCPU returns outputCPU once it has stopped growing.
func (r *rsyslogd) settledCPU(ctx context.Context) float64 {
	was, cpu := -1.0, r.outputCPU()
	for cpu > was && ctx.Err() == nil {
		time.Sleep(200 * time.Millisecond)
		was, cpu = cpu, r.outputCPU()
	}
	return cpu
}

// outputCPU returns the CPU time, in seconds, of the threads that are neither the main thread nor an input's:
// the queue's worker and the threads of the output's library.
func (r *rsyslogd) outputCPU() (seconds float64) {
	pid := r.cmd.Process.Pid
	for _, thread := range threads(pid) {
		task := fmt.Sprintf("/proc/%d/task/%s/", pid, thread)
		name, _ := os.ReadFile(task + "comm") // a thread that has ended counts as 0
		times, _ := os.ReadFile(task + "schedstat")
		var ns float64
		if _, err := fmt.Sscan(string(times), &ns); err == nil && thread != fmt.Sprint(pid) && !strings.HasPrefix(string(name), "in:") {
			seconds += ns / 1e9
		}
	}
	return seconds
}

// startInside starts rsyslogd with an action and fills its queue. The caller stops the result, even after an
// error.
func startInside(ctx context.Context, n int, place placement, module, action string) (*rsyslogd, error) {
	dir, err := os.MkdirTemp("", "rz-bench-")
	if err != nil {
		return &rsyslogd{}, err
	}
	r := &rsyslogd{dir: dir}
	if err := r.start(ctx, place, module, action); err != nil {
		return r, err
	}
	return r, r.complaint(r.fill(ctx, n))
}
