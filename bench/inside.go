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

	"golang.org/x/sys/unix"
)

// omczmq measures rsyslog's own ZeroMQ output, sending to a libzmq PULL, which is frozen until the queue is full:
// libzmq's memory takes only 2,000 messages. The CPU time is that of rsyslogd's output side (see outputCPU).
func (b *omprogBench) omczmq(n int, place placement) func(context.Context) (sample, error) {
	return b.intoPuller(n, place, []string{"zmq_pull"}, `module(load="omczmq")`, func(p *puller) string {
		return fmt.Sprintf(`type="omczmq" endpoints=">%s" socktype="PUSH" template="bare"`, p.endpoint)
	})
}

// intoPuller measures an output of rsyslogd at a program that takes n messages and reports, and that is frozen until
// the queue is full.
func (b *omprogBench) intoPuller(n int, place placement, puller []string, module string,
	action func(*puller) string) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		p, err := startPuller(ctx, place.prefix(place.program), append([]string{filepath.Join(b.programs, puller[0])},
			append(puller[1:], fmt.Sprint(n))...)...)
		if err != nil {
			return sample{}, err
		}
		defer p.stop()
		r, err := b.startFrozen(ctx, n, place, p.cmd, module, action(p))
		defer r.stop()
		if err != nil {
			return sample{}, err
		}
		s, err := p.finish()
		if err != nil {
			return sample{}, r.complaint(err)
		}
		own, err := used(n, r.output())
		s.CPU, s.Usage = own[0].CPU, append(own, s.Usage...)
		return s, err
	}
}

// startFrozen is startInside with the receiver frozen meanwhile. The caller stops the result, even after an error.
func (b *omprogBench) startFrozen(ctx context.Context, n int, place placement, receiver *exec.Cmd, module, action string) (*rsyslogd, error) {
	thaw, err := freeze(ctx, receiver)
	if err != nil {
		return &rsyslogd{}, err
	}
	defer thaw() // even after an error: an rsyslogd that waits does not stop
	return b.startInside(ctx, n, place, module, action)
}

// discardConfig is that of an rsyslogd that takes messages from its queue and does nothing with them. Its only action
// opens a fifo, which blocks until somebody reads it, and runs once a day.
const discardConfig = `
global(workDirectory="%[1]s")
module(load="imptcp")
ruleset(name="in" queue.type="linkedList" queue.size="1000000" queue.dequeueBatchSize="1000" queue.workerThreads="1") {
	action(type="omfile" file="%[1]s/held" action.execOnlyOnceEveryInterval="86400")
	stop
}
input(type="imptcp" path="%[1]s/in" ruleset="in" unlink="on")
`

// discard measures the CPU time of rsyslogd's output side without any output.
func (b *omprogBench) discard(n int) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		r, err := b.newRsyslogd()
		defer r.stop()
		if err != nil {
			return sample{}, err
		}
		held := filepath.Join(r.dir, "held")
		err = errors.Join(unix.Mkfifo(held, 0o600), r.startWith(ctx, free, fmt.Sprintf(discardConfig, r.dir)))
		if err != nil {
			return sample{}, err
		}
		err = r.fill(ctx, n)
		reader, openErr := os.OpenFile(held, os.O_RDONLY|unix.O_NONBLOCK, 0) // even after an error
		if err := errors.Join(err, openErr); err != nil {
			return sample{}, r.complaint(err)
		}
		defer reader.Close()
		r.settledCPU(ctx)
		usage, err := used(n, r.output())
		return sample{CPU: usage[0].CPU, Usage: usage}, errors.Join(err, ctx.Err())
	}
}

// settledCPU returns when outputCPU has stopped growing.
func (r *rsyslogd) settledCPU(ctx context.Context) {
	was, cpu := -1.0, r.outputCPU()
	for cpu > was && ctx.Err() == nil {
		time.Sleep(200 * time.Millisecond)
		was, cpu = cpu, r.outputCPU()
	}
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
func (b *omprogBench) startInside(ctx context.Context, n int, place placement, module, action string) (*rsyslogd, error) {
	r, err := b.newRsyslogd()
	if err != nil {
		return r, err
	}
	if err := r.start(ctx, place, b.workers, module, action); err != nil {
		return r, err
	}
	return r, r.complaint(r.fill(ctx, n))
}
