package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// printRows measures what prints the messages of libzmq's PUSH as lines.
func printRows(programs string) []row {
	const n = 2_000_000
	return []row{{"stdout", "libzmq PUSH to a PULL that prints lines into a pipe, 200 bytes", []contestant{
		{name: "C, libzmq, stdio", run: printed(programs, n, "zmq_print")},
		ours("imzmq pull", printed(programs, n, "imzmq", "--socket", "pull", "--to", "-", "--log-level", "error", "--bind")),
	}, nil}}
}

// printed measures a program that prints at its reader's side, which only counts bytes, from the first to the last. The
// last arguments of the program are the endpoint that it binds.
func printed(programs string, n int, printer string, args ...string) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		dir, err := os.MkdirTemp("", "rz-bench-")
		if err != nil {
			return sample{}, err
		}
		defer os.RemoveAll(dir)
		endpoint := "ipc://" + filepath.Join(dir, "socket")
		print := exec.CommandContext(ctx, filepath.Join(programs, printer), append(args, endpoint)...)
		print.Stderr = os.Stderr
		out, err := print.StdoutPipe()
		if err != nil {
			return sample{}, err
		}
		push := exec.CommandContext(ctx, filepath.Join(programs, "zmq_push"), endpoint, fmt.Sprint(n), fmt.Sprint(messageSize))
		push.Stderr = os.Stderr
		if err := print.Start(); err != nil {
			return sample{}, err
		}
		defer print.Wait() //nolint:errcheck // it is killed
		defer print.Process.Signal(syscall.SIGKILL)
		if err := push.Start(); err != nil {
			return sample{}, err
		}
		defer push.Wait() //nolint:errcheck // countBytes notices what it has not sent
		s, err := countBytes(out, n)
		if err != nil {
			push.Process.Kill()
			return sample{}, err
		}
		cpu, err := of(printer, print).cpu()
		s.cpu = cpu / float64(n) * 1e6
		return s, err
	}
}

// countBytes reads n lines of messageSize bytes, except for what stdio keeps in its buffer at the end.
func countBytes(in io.Reader, n int) (sample, error) {
	const stdioBuffer = 64 << 10
	buf := make([]byte, 1<<20)
	wanted := n*(messageSize+1) - stdioBuffer
	first, begun := 0, time.Time{}
	for total := 0; ; {
		m, err := in.Read(buf)
		if total += m; err != nil {
			return sample{}, fmt.Errorf("%d of %d bytes were printed: %w", total, wanted, err)
		}
		if begun.IsZero() {
			first, begun = total, time.Now()
		}
		if total >= wanted {
			return sample{rate: float64(total-first) / (messageSize + 1) / time.Since(begun).Seconds()}, nil
		}
	}
}
