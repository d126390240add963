package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/bench/result"
)

const messageSize = 200 // bytes

// parseReport reads what a measuring program prints at its end: messages, first and last time, CPU time and, if it
// knows, its peak of memory.
func parseReport(process, line string) (sample, error) {
	var n, first, last, cpu, kib float64
	if k, err := fmt.Sscan(line, &n, &first, &last, &cpu, &kib); err != nil && k < 4 {
		return sample{}, fmt.Errorf("report %q: %w", line, err)
	}
	return sample{Rate: n / (last - first) * 1e9, CPU: cpu / n,
		Usage: []result.Usage{{Process: process, CPU: cpu / n, Peak: kib / 1024}}}, nil
}

// puller is a process that binds, prints its endpoint, takes messages and reports.
type puller struct {
	cmd      *exec.Cmd
	out      *bufio.Reader
	endpoint string
}

// startPuller starts a puller; placed is the command's prefix that pins it, if any.
func startPuller(ctx context.Context, placed []string, command ...string) (*puller, error) {
	args := append(slices.Clone(placed), command...)
	p := &puller{cmd: exec.CommandContext(ctx, args[0], args[1:]...)}
	p.cmd.Stderr = os.Stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	line, err := p.out.ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("%q prints no endpoint: %w", args, err)
	}
	p.endpoint = strings.TrimSpace(strings.TrimRight(line, "\x00\n"))
	return p, nil
}

// stop ends it, if finish has not.
func (p *puller) stop() {
	if p.cmd.ProcessState == nil {
		p.cmd.Process.Kill() //nolint:errcheck // it may have ended by itself
		p.cmd.Wait()         //nolint:errcheck // it was killed
	}
}

// finish waits for the report.
func (p *puller) finish() (sample, error) {
	line, err := io.ReadAll(io.LimitReader(p.out, 1000))
	if waitErr := p.cmd.Wait(); waitErr != nil {
		return sample{}, waitErr
	}
	if err != nil {
		return sample{}, err
	}
	return parseReport("receiver", string(line))
}

// pushPull measures two processes, at the puller's side, with n messages of size bytes.
func pushPull(programs, push, pull string, n, size int) func(context.Context) (sample, error) {
	command := func(text string) []string {
		words := strings.Fields(text)
		words[0] = filepath.Join(programs, words[0])
		return words
	}
	return func(ctx context.Context) (sample, error) {
		p, err := startPuller(ctx, nil, append(command(pull), fmt.Sprint(n))...)
		if err != nil {
			return sample{}, err
		}
		words := append(command(push), p.endpoint, fmt.Sprint(n), fmt.Sprint(size))
		pusher := exec.CommandContext(ctx, words[0], words[1:]...)
		pusher.Stderr = os.Stderr
		if err := pusher.Run(); err != nil {
			return sample{}, fmt.Errorf("%q: %w", words, err)
		}
		return p.finish()
	}
}
