package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// omprogBench measures programs under the real rsyslogd's omprog. First the action's queue is filled, while a
// shell script waits at a fifo in the program's place. Then the script execs the program, and the queue
// empties as fast as the conversation goes. The time is measured from the first to the last message, where
// they arrive.
type omprogBench struct {
	programs string
	size     int // bytes of a message; 0: messageSize
	workers  int // of the queue; 0: one
	window   int // omrelp's windowSize; 0: 10,000
}

func (b *omprogBench) messageSize() int { return cmp.Or(b.size, messageSize) }

// startHeld starts rsyslogd and fills its queue with n messages for command. The caller stops the result, even
// after an error.
func (b *omprogBench) startHeld(ctx context.Context, n int, place placement, command string) (*rsyslogd, error) {
	r, err := b.newRsyslogd()
	if err != nil {
		return r, err
	}
	dir := r.dir
	words := append(place.prefix(place.program), command)
	hold := fmt.Sprintf("#!/bin/sh\nread x < %s/go\nexec %s\n", dir, strings.Join(words, " "))
	err = errors.Join(unix.Mkfifo(filepath.Join(dir, "go"), 0o600), os.Link(dir+"/go", dir+"/fifo"), os.WriteFile(filepath.Join(dir, "hold"), []byte(hold), 0o700))
	if err != nil {
		return r, err
	}
	err = r.start(ctx, place, b.workers, `module(load="omprog")`, `type="omprog" binary="{dir}/hold" template="line" output="{dir}/stderr"
		confirmMessages="on" confirmTimeout="60000" useTransactions="on"`)
	if err != nil {
		return r, err
	}
	return r, r.complaint(r.fill(ctx, n))
}

// release starts the program, in each worker. Scripts that have opened the fifo are woken; later ones find a file.
func (r *rsyslogd) release() error {
	at := func(name string) string { return filepath.Join(r.dir, name) }
	if err := errors.Join(os.WriteFile(at("file"), []byte("go\n"), 0o600), os.Rename(at("file"), at("go"))); err != nil {
		return err
	}
	return os.WriteFile(at("fifo"), []byte("go\n"), 0)
}

// confirmer measures one of the reference programs, which report by themselves.
func (b *omprogBench) confirmer(name string, n int, place placement) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		report, err := os.MkdirTemp("", "rz-bench-")
		if err != nil {
			return sample{}, err
		}
		defer os.RemoveAll(report)
		file := filepath.Join(report, "times")
		r, err := b.startHeld(ctx, n, place, fmt.Sprintf("%s %s %d", filepath.Join(b.programs, name), file, n))
		defer r.stop()
		if err != nil {
			return sample{}, err
		}
		if err := r.release(); err != nil {
			return sample{}, err
		}
		for ctx.Err() == nil {
			if text, err := os.ReadFile(file); err == nil {
				s, err := parseReport("confirmer", string(text))
				own, err1 := used(n, r.output())
				s.Usage = append(own, s.Usage...)
				return s, errors.Join(err, err1)
			}
			time.Sleep(20 * time.Millisecond)
		}
		return sample{}, r.complaint(ctx.Err())
	}
}

// push measures omzmq --socket push --confirm sent at a libzmq PULL.
func (b *omprogBench) push(n int, place placement) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		p, err := startPuller(ctx, place.prefix(place.program), filepath.Join(b.programs, "zmq_pull"), fmt.Sprint(n))
		if err != nil {
			return sample{}, err
		}
		defer p.stop()
		command := fmt.Sprintf("%s --socket push --confirm sent --connect %s", filepath.Join(b.programs, "omzmq"), p.endpoint)
		return b.through(ctx, n, place, command, func(*rsyslogd) (sample, error) { return p.finish() })
	}
}

// stored measures omzmq and imzmq --to -, at imzmq's stdout. Each of the ways adds flags to the two.
func (b *omprogBench) stored(n int, place placement, ways ...way) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		sending, receiving, clean, err := b.flags(ctx, ways)
		defer clean()
		if err != nil {
			return sample{}, err
		}
		i, err := b.startIMZMQ(ctx, place, append(receiving, "--to", "-")...)
		defer i.stop()
		if err != nil {
			return sample{}, err
		}
		command := strings.Join(append([]string{b.omzmq(i)}, sending...), " ")
		return b.through(ctx, n, place, command, func(*rsyslogd) (sample, error) { return i.count(n) })
	}
}

// count reads n lines of imzmq's output.
func (i *imzmq) count(n int) (sample, error) {
	s, err := countLines(i.out, n)
	if err != nil {
		return sample{}, err
	}
	s.Usage, err = used(n, of("imzmq", i.cmd))
	return s, err
}

// flags returns what the ways add to the two commands. clean removes their files.
func (b *omprogBench) flags(ctx context.Context, ways []way) (omzmq, imzmq []string, clean func(), err error) {
	dir, err := os.MkdirTemp("", "rz-bench-")
	clean = func() { os.RemoveAll(dir) }
	if err != nil {
		return nil, nil, clean, err
	}
	for _, way := range ways {
		sending, receiving, err := way(ctx, b.programs, dir)
		if err != nil {
			return nil, nil, clean, err
		}
		omzmq, imzmq = append(omzmq, sending...), append(imzmq, receiving...)
	}
	return omzmq, imzmq, clean, nil
}

// way returns flags of omzmq and imzmq, whose files are in dir.
type way func(ctx context.Context, programs, dir string) (omzmq, imzmq []string, err error)

func journaled(_ context.Context, _, dir string) (omzmq, imzmq []string, err error) {
	return []string{"--journal", filepath.Join(dir, "journal")}, nil, nil
}

// imzmq is a running imzmq in a folder of its own.
type imzmq struct {
	dir, endpoint string
	cmd           *exec.Cmd
	out           io.Reader
}

// startIMZMQ starts imzmq with more arguments. The result is to be stopped whatever the error.
func (b *omprogBench) startIMZMQ(ctx context.Context, place placement, args ...string) (*imzmq, error) {
	dir, err := os.MkdirTemp("", "rz-bench-")
	if err != nil {
		return &imzmq{}, err
	}
	i := &imzmq{dir: dir, endpoint: "ipc://" + dir + "/zmq"}
	words := append(place.prefix(place.program), filepath.Join(b.programs, "imzmq"), "--bind", i.endpoint, "--log-level", "error")
	words = append(words, args...)
	i.cmd = exec.CommandContext(ctx, words[0], words[1:]...)
	i.cmd.Stderr = os.Stderr
	if i.out, err = i.cmd.StdoutPipe(); err != nil {
		return i, err
	}
	return i, i.cmd.Start()
}

// stop ends imzmq and removes its folder.
func (i *imzmq) stop() {
	if i.cmd != nil && i.cmd.Process != nil {
		i.cmd.Process.Signal(syscall.SIGTERM)
		i.cmd.Wait() // its exit code is not what is measured
	}
	os.RemoveAll(i.dir)
}

// omzmq returns the command of an omzmq that sends to i.
func (b *omprogBench) omzmq(i *imzmq) string {
	return fmt.Sprintf("%s --connect %s", filepath.Join(b.programs, "omzmq"), i.endpoint)
}

// through releases the queue into command. The sample is that of arrives with the CPU time of omzmq, and what it and
// rsyslogd used, unless arrives knows.
func (b *omprogBench) through(ctx context.Context, n int, place placement, command string, arrives func(*rsyslogd) (sample, error)) (sample, error) {
	r, err := b.startHeld(ctx, n, place, command)
	defer r.stop()
	if err != nil {
		return sample{}, err
	}
	if err := r.release(); err != nil {
		return sample{}, err
	}
	s, err := arrives(r)
	if err != nil {
		return sample{}, r.complaint(err)
	}
	own, err := used(n, r.output(), r.program())
	s.CPU = own[1].CPU
	if cpuOf(s.Usage, "omzmq") == 0 {
		s.Usage = append(own, s.Usage...)
	}
	return s, err
}

// countLines reads n lines and measures the time from the first to the last.
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
	return sample{Rate: float64(n) / time.Since(first).Seconds()}, nil
}
