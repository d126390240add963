package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
)

// proxy is a running program between publishers, which connect to in, and subscribers, which connect to out.
type proxy struct {
	cmd     *exec.Cmd
	in, out string // endpoints
	rest    sync.WaitGroup
}

// starter starts a proxy on the CPUs. The caller stops the result, even after an error.
type starter func(ctx context.Context, cpus string) (*proxy, error)

// zmqProxy starts libzmq's proxy, which prints in and then out.
func zmqProxy(programs string) starter {
	return func(ctx context.Context, cpus string) (*proxy, error) {
		p := &proxy{cmd: command(ctx, cpus, filepath.Join(programs, "zmq_proxy"))}
		out, err := p.cmd.StdoutPipe()
		if err != nil {
			return p, err
		}
		return p, p.start(out, func(line string) {
			if p.in == "" {
				p.in = strings.Trim(line, "\x00\n")
			} else {
				p.out = strings.Trim(line, "\x00\n")
			}
		})
	}
}

var listening = regexp.MustCompile(`msg=listening.* endpoint=(\S+)`)

// hub starts zmqtap hub, which logs its endpoints.
func hub(programs string) starter {
	return func(ctx context.Context, cpus string) (*proxy, error) {
		const free = "tcp://127.0.0.1:*"
		p := &proxy{cmd: command(ctx, cpus, filepath.Join(programs, "zmqtap"), "hub", "--in", free, "--out", free)}
		out, err := p.cmd.StderrPipe()
		if err != nil {
			return p, err
		}
		return p, p.start(out, func(line string) {
			endpoint := listening.FindStringSubmatch(line)
			switch {
			case endpoint == nil:
			case strings.Contains(line, "side=in"):
				p.in = endpoint[1]
			case strings.Contains(line, "side=out"):
				p.out = endpoint[1]
			}
		})
	}
}

// start starts the program and passes its lines to said until both endpoints are known. Later lines are
// dropped, such as warnings about slow subscribers.
func (p *proxy) start(out io.Reader, said func(line string)) error {
	if err := p.cmd.Start(); err != nil {
		return err
	}
	lines := bufio.NewReader(out)
	var last string
	for p.in == "" || p.out == "" {
		line, err := lines.ReadString('\n')
		if err != nil {
			return fmt.Errorf("%q does not print where it listens, but %q: %w", p.cmd.Args, last+line, err)
		}
		last = line
		said(line)
	}
	p.rest.Go(func() { io.Copy(io.Discard, lines) }) //nolint:errcheck // ends with the process
	return nil
}

// stop kills the program, which has nothing to finish.
func (p *proxy) stop() {
	if p.cmd != nil && p.cmd.Process != nil {
		p.cmd.Process.Kill() //nolint:errcheck // it may have ended by itself
		p.rest.Wait()
		p.cmd.Wait() //nolint:errcheck // its exit code is not what is measured
	}
}

// command returns a command that runs on the CPUs, as taskset takes them; empty: chosen by the kernel.
func command(ctx context.Context, cpus string, words ...string) *exec.Cmd {
	words = append(placement{}.prefix(cpus), words...)
	return exec.CommandContext(ctx, words[0], words[1:]...)
}
