package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// inFolder runs a measurement with a folder of its own, and what it starts ends with it.
func inFolder(run func(ctx context.Context, dir string) (sample, error)) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		dir, err := os.MkdirTemp("", "rz-bench-")
		if err != nil {
			return sample{}, err
		}
		defer os.RemoveAll(dir) //nolint:errcheck // what is left is in the system's folder for that
		return run(ctx, dir)
	}
}

// recordedStream measures how many lines a second zmqtap record keeps in a file of this name, which says how it is
// compressed. The time has zmqtap's start in it.
func recordedStream(programs string, n int, name string) func(context.Context) (sample, error) {
	return inFolder(func(ctx context.Context, dir string) (sample, error) {
		return record(ctx, programs, n, filepath.Join(dir, name))
	})
}

// record records n lines of a flood. The CPU time is zmqtap's.
func record(ctx context.Context, programs string, n int, file string) (sample, error) {
	pub, err := startPuller(ctx, nil, filepath.Join(programs, "zmq_flood"))
	if err != nil {
		return sample{}, err
	}
	defer pub.stop() // it would publish forever
	cmd := exec.CommandContext(ctx, filepath.Join(programs, "zmqtap"), "record", "--log-level", "error",
		"--count", fmt.Sprint(n), file, pub.endpoint)
	cmd.Stderr = os.Stderr
	began := time.Now()
	if err := cmd.Run(); err != nil {
		return sample{}, fmt.Errorf("%q: %w", cmd.Args, err)
	}
	return sample{Rate: float64(n) / time.Since(began).Seconds(), CPU: spent(cmd, n)}, nil
}

// replayedStream measures how many lines a second reach a SUB on libzmq from a recording. The CPU time is zmqtap's.
func replayedStream(programs string, n int, name string) func(context.Context) (sample, error) {
	return inFolder(func(ctx context.Context, dir string) (sample, error) {
		file := filepath.Join(dir, name)
		if _, err := record(ctx, programs, n, file); err != nil {
			return sample{}, err
		}
		port, err := freePort()
		if err != nil {
			return sample{}, err
		}
		endpoint := fmt.Sprintf("tcp://127.0.0.1:%d", port)
		replay := exec.CommandContext(ctx, filepath.Join(programs, "zmqtap"), "replay", "--log-level", "error", "--speed", "max",
			"--bind", endpoint, file)
		replay.Stderr = os.Stderr
		sub := exec.CommandContext(ctx, filepath.Join(programs, "zmq_cat"), endpoint)
		out, err := sub.StdoutPipe()
		if err != nil {
			return sample{}, err
		}
		for _, cmd := range []*exec.Cmd{sub, replay} {
			if err := cmd.Start(); err != nil {
				return sample{}, err
			}
			p := &puller{cmd: cmd}
			defer p.stop()
		}
		s, err := countLines(out, n)
		if err != nil {
			return sample{}, fmt.Errorf("%q: %w", replay.Args, err)
		}
		if err := replay.Wait(); err != nil {
			return sample{}, fmt.Errorf("%q: %w", replay.Args, err)
		}
		s.CPU = spent(replay, n)
		return s, nil
	})
}

// spent is the CPU time of a command that has ended, in seconds for a million of its n messages.
func spent(cmd *exec.Cmd, n int) float64 {
	return (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds() / float64(n) * 1e6
}

// recordingRows compare keeping a stream, and publishing it again, with printing it.
func recordingRows(programs string, scale scale) []row {
	n := scale.of(2_000_000)
	reference := contestant{name: "SUB on libzmq that prints payloads", run: printedStream(programs, n, "zmq_cat")}
	return []row{
		{"record", "a flood from libzmq's PUB over TCP into a file: RFC 5424 lines of 200 bytes", []contestant{
			reference,
			ours("zmqtap record FILE", recordedStream(programs, n, "file.ndjson")),
			ours("zmqtap record FILE.zst", recordedStream(programs, n, "file.zst")),
			ours("zmqtap record FILE.gz", recordedStream(programs, n, "file.gz")),
		}, nil},
		{"replay", "a recording of those lines at its highest speed, over TCP, to a SUB on libzmq that prints them", []contestant{
			reference,
			ours("zmqtap replay FILE", replayedStream(programs, n, "file.ndjson")),
			ours("zmqtap replay FILE.zst", replayedStream(programs, n, "file.zst")),
		}, nil},
	}
}
