package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// printer is a program that prints what libzmq's PUSH sends it.
type printer struct {
	cmd      *exec.Cmd
	endpoint string
	out      io.Reader
}

// cPrinter starts reference/zmq_print.c.
func (b *omprogBench) cPrinter(ctx context.Context) (*printer, error) {
	p := &printer{cmd: exec.CommandContext(ctx, filepath.Join(b.programs, "zmq_print"))}
	log, err := p.cmd.StderrPipe()
	if err != nil {
		return p, err
	}
	if p.out, err = p.cmd.StdoutPipe(); err != nil {
		return p, err
	}
	if err := p.cmd.Start(); err != nil {
		return p, err
	}
	line, err := bufio.NewReader(log).ReadString('\n')
	p.endpoint = strings.TrimRight(line, "\x00\n")
	return p, err
}

// imzmqPrinter starts imzmq.
func (b *omprogBench) imzmqPrinter(ctx context.Context) (*printer, error) {
	port, err := freePort()
	if err != nil {
		return &printer{}, err
	}
	p := &printer{endpoint: fmt.Sprintf("tcp://127.0.0.1:%d", port)}
	p.cmd = exec.CommandContext(ctx, filepath.Join(b.programs, "imzmq"), "--socket", "pull", "--bind", p.endpoint, "--to", "-",
		"--log-level", "error")
	p.cmd.Stderr = os.Stderr
	if p.out, err = p.cmd.StdoutPipe(); err != nil {
		return p, err
	}
	return p, p.cmd.Start()
}

func (p *printer) stop() {
	if p.cmd != nil && p.cmd.Process != nil {
		p.cmd.Process.Kill() //nolint:errcheck // it may have ended
		p.cmd.Wait()         //nolint:errcheck // it was killed
	}
}

// printed measures a printer at its stdout, a pipe. The CPU time is the printer's.
func (b *omprogBench) printed(n int, start func(context.Context) (*printer, error)) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		p, err := start(ctx)
		defer p.stop()
		if err != nil {
			return sample{}, err
		}
		pusher := exec.CommandContext(ctx, filepath.Join(b.programs, "zmq_push"), p.endpoint, fmt.Sprint(n), fmt.Sprint(b.messageSize()))
		pusher.Stderr = os.Stderr
		if err := pusher.Start(); err != nil {
			return sample{}, err
		}
		s, err := countLines(p.out, n)
		if err != nil {
			pusher.Process.Kill() //nolint:errcheck // it may have ended
			pusher.Wait()         //nolint:errcheck // it was killed
			return sample{}, err
		}
		s.Usage, err = used(n, of("printer", p.cmd))
		if waited := pusher.Wait(); err == nil {
			err = waited
		}
		s.CPU = cpuOf(s.Usage, "printer")
		return s, err
	}
}

func (b *omprogBench) stdoutRows(scale scale) []row {
	n := scale.of(2_000_000)
	return []row{{"stdout", "libzmq's PUSH over TCP to lines in a pipe", []contestant{
		{name: "PULL on libzmq that prints", run: b.printed(n, b.cPrinter)},
		ours("imzmq --socket pull --to -", b.printed(n, b.imzmqPrinter)),
	}, nil}}
}
