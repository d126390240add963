package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/bench/result"
)

// sizeRows measure what the size of a message makes of the rate and of the latency.
func (b *omprogBench) sizeRows(scale scale) (rows []row) {
	const (
		bytes     = 160 << 20 // of all messages of a run, at most
		perSecond = 250
	)
	for _, size := range []int{50, 200, 1 << 10, 8 << 10, 64 << 10} {
		sized := *b
		sized.size = size
		n := scale.of(min(400_000, bytes/size))
		rows = append(rows, row{fmt.Sprintf("size-%d", size), fmt.Sprintf("messages of %d bytes, where the kernel puts the programs", size), []contestant{
			{name: "omczmq PUSH to libzmq, unconfirmed", run: sized.omczmq(n, free)},
			ours("omzmq, stored, to imzmq", sized.stored(n, free)),
			ours("omzmq --relp, stored, to imzmq", sized.relpToIMZMQ(n, free)),
		}, nil})
	}
	for _, size := range []int{50, 200, 1 << 10, 8 << 10, 64 << 10} {
		sized := *b
		sized.size = size
		r := row{key: fmt.Sprintf("size-delay-%d", size),
			title: fmt.Sprintf("from a line's entry into rsyslogd to the destination; %d lines/s of %d bytes", perSecond, size)}
		for _, p := range []path{sized.omczmqPath(0), sized.omprogPath(0), sized.relpPath(0)} {
			d := time.Duration(float64(3*time.Second) * float64(scale))
			r.contestants = append(r.contestants, contestant{name: p.name, ours: p.ours, run: func(ctx context.Context) (sample, error) {
				return p.delays(ctx, perSecond, d)
			}})
		}
		rows = append(rows, r)
	}
	return rows
}

// crowdedRows measure several workers of a queue, and several senders.
func (b *omprogBench) crowdedRows(scale scale) (rows []row) {
	n := scale.of(400_000)
	for _, workers := range []int{1, 2, 4} {
		crowded := *b
		crowded.workers = workers
		rows = append(rows, row{fmt.Sprintf("workers-%d", workers), fmt.Sprintf("rsyslogd's queue with workers: %d", workers), []contestant{
			{name: "omrelp to a prompt C server", run: crowded.toRELPServer(n, free)},
			ours("omzmq, stored, to imzmq", crowded.stored(n, free)),
			ours("omzmq --relp, stored, to imzmq", crowded.relpToIMZMQ(n, free)),
		}, nil})
	}
	for _, senders := range []int{1, 10, 100} {
		rows = append(rows, row{fmt.Sprintf("senders-%d", senders), fmt.Sprintf("files sent at once to one receiver: %d", senders), []contestant{
			{name: "libzmq's PUSH to PULL, unconfirmed", run: b.libzmqSenders(2*n, senders)},
			ours("omzmq, stored, to imzmq", b.senders(n, senders)),
		}, nil})
	}
	return rows
}

// senders measures many omzmq, whose replies are not read, at the stdout of one imzmq. Each sends the lines of a file;
// n is the sum. The CPU time is imzmq's.
func (b *omprogBench) senders(n, count int) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		i, err := b.startIMZMQ(ctx, free, "--to", "-")
		defer i.stop()
		if err != nil {
			return sample{}, err
		}
		name, each := filepath.Join(i.dir, "lines"), n/count
		file, err := linesFile(name, 0, each)
		if err != nil {
			return sample{}, err
		}
		file.Close()
		all, err := startMany(count, func() (*exec.Cmd, io.Closer, error) {
			file, err := os.Open(name)
			cmd := exec.CommandContext(ctx, filepath.Join(b.programs, "omzmq"), "--connect", i.endpoint, "--log-level", "error")
			cmd.Stdin, cmd.Stderr = file, os.Stderr
			return cmd, file, err
		})
		defer all.stop()
		if err != nil {
			return sample{}, err
		}
		s, err := countLines(i.out, each*count)
		if err != nil {
			return sample{}, err
		}
		peak := all.process().peak()
		s.Usage, err = used(each*count, of("imzmq", i.cmd))
		s.CPU = cpuOf(s.Usage, "imzmq")
		s.Usage = append(s.Usage, result.Usage{Process: "senders", CPU: all.wait().Seconds() / float64(each*count) * 1e6, Peak: peak})
		return s, err
	}
}

// libzmqSenders measures many PUSH sockets, a process each, at one PULL.
func (b *omprogBench) libzmqSenders(n, count int) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		each := n / count
		p, err := startPuller(ctx, nil, filepath.Join(b.programs, "zmq_pull"), fmt.Sprint(each*count))
		if err != nil {
			return sample{}, err
		}
		defer p.stop()
		all, err := startMany(count, func() (*exec.Cmd, io.Closer, error) {
			return exec.CommandContext(ctx, filepath.Join(b.programs, "zmq_push"), p.endpoint, fmt.Sprint(each), fmt.Sprint(messageSize)), nil, nil
		})
		defer all.stop()
		if err != nil {
			return sample{}, err
		}
		return p.finish()
	}
}

// many are commands that run at the same time.
type many []*exec.Cmd

// startMany starts commands, and closes what they have inherited. The caller stops the result, even after an error.
func startMany(count int, next func() (*exec.Cmd, io.Closer, error)) (all many, err error) {
	for range count {
		cmd, inherited, err := next()
		if err == nil {
			err = cmd.Start()
		}
		if inherited != nil {
			err = errors.Join(err, inherited.Close())
		}
		if err != nil {
			return all, err
		}
		all = append(all, cmd)
	}
	return all, nil
}

func (m many) process() process {
	return together("senders", func() (pids []string) {
		for _, cmd := range m {
			pids = append(pids, fmt.Sprint(cmd.Process.Pid))
		}
		return pids
	})
}

// wait waits until all have ended and returns their CPU time. That of one is too short for the ticks of /proc.
func (m many) wait() (cpu time.Duration) {
	for _, cmd := range m {
		cmd.Wait() //nolint:errcheck // its exit code is not what is measured
		cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	return cpu
}

// stop ends those that nobody has waited for.
func (m many) stop() {
	for _, cmd := range m {
		if cmd.ProcessState == nil {
			cmd.Process.Kill() //nolint:errcheck // it may have ended
			cmd.Wait()         //nolint:errcheck // it was killed
		}
	}
}
