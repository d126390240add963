package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/bench/result"
)

// terminal measures how long a log line takes from a publisher on libzmq to a terminal on which a program
// prints it.
func terminal(programs string, lines, perSecond int, printer ...string) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		p, err := startPuller(ctx, nil, filepath.Join(programs, "zmq_lines"), fmt.Sprint(lines), fmt.Sprint(perSecond))
		if err != nil {
			return sample{}, err
		}
		defer p.cmd.Wait() //nolint:errcheck // ctx ends a publisher that has no subscriber
		defer cancel()
		master, slave, err := openTerminal()
		if err != nil {
			return sample{}, err
		}
		defer unix.Close(master) //nolint:errcheck // only read from
		cmd := exec.CommandContext(ctx, filepath.Join(programs, printer[0]), append(printer[1:], p.endpoint)...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, os.Stderr
		err = cmd.Start()
		slave.Close() // so that the program's end is the terminal's end
		if err != nil {
			return sample{}, err
		}
		delays, err := readDelays(master, lines)
		cmd.Process.Kill() //nolint:errcheck // it would print forever
		cmd.Wait()         //nolint:errcheck // it was killed
		if err := errors.Join(err, ctx.Err()); err != nil {
			return sample{}, fmt.Errorf("%q: %w", cmd.Args, err)
		}
		slices.Sort(delays)
		at := func(thousandths int) float64 { return delays[len(delays)*thousandths/1000] }
		return sample{Latency: &result.Latency{P50: at(500), P99: at(990), P999: at(999)}}, nil
	}
}

// openTerminal returns both ends of a new terminal, wide enough for every line.
func openTerminal() (master int, slave *os.File, err error) {
	if master, err = unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0); err != nil {
		return 0, nil, fmt.Errorf("no terminal: %w", err)
	}
	number, err1 := unix.IoctlGetUint32(master, unix.TIOCGPTN)
	err2 := unix.IoctlSetPointerInt(master, unix.TIOCSPTLCK, 0)
	err3 := unix.IoctlSetWinsize(master, unix.TIOCSWINSZ, &unix.Winsize{Row: 50, Col: 1000})
	if err = errors.Join(err1, err2, err3); err == nil {
		slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), unix.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		unix.Close(master) //nolint:errcheck // there is an error already
	}
	return master, slave, err
}

// readDelays reads n lines from a terminal and returns how many milliseconds each had been on its way. It
// blocks in read(2), because otherwise the runtime's poller would be measured.
func readDelays(master, n int) (delays []float64, err error) {
	const longest = 64 << 10 // for one line
	var pending []byte
	buf := make([]byte, 4<<10)
	for len(delays) < n {
		k, err := unix.Read(master, buf)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || k == 0 {
			return nil, fmt.Errorf("the terminal ended after %d of %d lines: %w", len(delays), n, err)
		}
		var now unix.Timespec
		unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) //nolint:errcheck // cannot fail for this clock
		pending = append(pending, buf[:k]...)
		for {
			line, rest, found := bytes.Cut(pending, []byte("\n"))
			if !found {
				break
			}
			if sent, ok := sentAt(line); ok {
				delays = append(delays, float64(now.Nano()-sent)/1e6)
			}
			pending = rest
		}
		if len(pending) > longest {
			return nil, errors.New("a line without an end")
		}
	}
	return delays, nil
}

// sentAt returns the time in a line of zmq_lines.
func sentAt(line []byte) (ns int64, found bool) {
	_, text, found := bytes.Cut(line, []byte("sent="))
	digits := len(text) - len(bytes.TrimLeft(text, "0123456789"))
	ns, err := strconv.ParseInt(string(text[:digits]), 10, 64)
	return ns, found && err == nil
}

func terminalRows(programs string) []row {
	const lines, perSecond = 600, 200
	return []row{{"terminal", "a log line reaches the terminal: PUB on libzmq, TCP, the program, a pty; 200 lines/s of 200 bytes", []contestant{
		{name: "SUB on libzmq, fflush", run: terminal(programs, lines, perSecond, "zmq_tail")},
		ours("zmqtap", terminal(programs, lines, perSecond, "zmqtap", "--log-level", "error")),
	}, nil}}
}
