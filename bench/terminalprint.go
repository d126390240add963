package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// printedStream measures how many lines a second a program writes into a pipe, from a publisher on libzmq that sends as
// fast as it can. The CPU time is the program's.
func printedStream(programs string, n int, printer ...string) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		pub, err := startPuller(ctx, nil, filepath.Join(programs, "zmq_flood"))
		if err != nil {
			return sample{}, err
		}
		defer pub.stop() // it would publish forever
		cmd := exec.CommandContext(ctx, filepath.Join(programs, printer[0]), append(printer[1:], pub.endpoint)...)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			return sample{}, err
		}
		if err := cmd.Start(); err != nil {
			return sample{}, err
		}
		p := &puller{cmd: cmd}
		defer p.stop()
		s, err := countLines(out, n)
		if err != nil {
			return sample{}, fmt.Errorf("%q: %w", cmd.Args, err)
		}
		s.Usage, err = used(n, of("printer", cmd))
		s.CPU = cpuOf(s.Usage, "printer")
		return s, err
	}
}

// printRows compare what zmqtap makes of a line with printing its payload.
func printRows(programs string, scale scale) []row {
	n := scale.of(2_000_000)
	return []row{{"terminal-print", "a flood from libzmq's PUB over TCP into a pipe: RFC 5424 lines of 200 bytes", []contestant{
		{name: "SUB on libzmq that prints payloads", run: printedStream(programs, n, "zmq_cat")},
		ours("zmqtap --raw", printedStream(programs, n, "zmqtap", "--log-level", "error", "--raw")),
		ours("zmqtap", printedStream(programs, n, "zmqtap", "--log-level", "error")),
		ours("zmqtap --color always", printedStream(programs, n, "zmqtap", "--log-level", "error", "--color", "always")),
	}, nil}}
}
