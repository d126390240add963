package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// crowdHub is a running zmqtap hub with an HTTP server, so that it takes everything, wanted or not.
type crowdHub struct {
	cmd           *exec.Cmd
	log           string // name of the file
	in, out, http string // endpoints, and an address
}

// crowdEnd is what a hub has counted at its end.
type crowdEnd struct{ received, missed, gone uint64 }

var (
	crowdEndpoint = regexp.MustCompile(`msg=listening side=(in|out) endpoint=(\S+)`)
	crowdHTTP     = regexp.MustCompile(`msg=serving at=http://([^/]+)/`)
	crowdLastLine = regexp.MustCompile(`msg=end (.*)`)
)

// startCrowdHub starts a hub. The caller kills it, even after an error.
func startCrowdHub(ctx context.Context, prefix []string, programs string) (*crowdHub, error) {
	log, err := os.CreateTemp("", "rz-bench-hub-")
	if err != nil {
		return &crowdHub{}, err
	}
	defer log.Close()
	const free = "tcp://127.0.0.1:0"
	// A reader that never reads sends no heartbeats either, and must not be dropped for that here.
	zmqtap := filepath.Join(programs, "zmqtap")
	words := append(prefix, zmqtap, "hub", "--in", free, "--out", free, "--http", "127.0.0.1:0", "--heartbeat", "0")
	// An earlier revision (-against) has no such limit.
	if help, _ := exec.CommandContext(ctx, zmqtap, "hub", "--help").Output(); bytes.Contains(help, []byte("--max-memory")) {
		words = append(words, "--max-memory", "1GiB")
	}
	h := &crowdHub{cmd: exec.CommandContext(ctx, words[0], words[1:]...), log: log.Name()}
	h.cmd.Stderr = log
	if err := h.cmd.Start(); err != nil {
		return h, err
	}
	for ctx.Err() == nil && (h.in == "" || h.out == "" || h.http == "") {
		time.Sleep(10 * time.Millisecond)
		text := h.said()
		for _, found := range crowdEndpoint.FindAllStringSubmatch(text, -1) {
			if found[1] == "in" {
				h.in = found[2]
			} else {
				h.out = found[2]
			}
		}
		if found := crowdHTTP.FindStringSubmatch(text); found != nil {
			h.http = found[1]
		}
	}
	return h, ctx.Err()
}

func (h *crowdHub) said() string {
	text, err := os.ReadFile(h.log)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// complaint adds what the hub logged to an error.
func (h *crowdHub) complaint(err error) error {
	text := h.said()
	return fmt.Errorf("%w\nhub: %s", err, text[max(0, len(text)-2000):])
}

// memory returns the hub's resident memory and its peak, in MiB; 0 if the kernel does not say.
func (h *crowdHub) memory() (now, most int) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", h.cmd.Process.Pid))
	if err != nil {
		return 0, 0
	}
	for line := range bytes.Lines(status) {
		fmt.Sscanf(string(line), "VmRSS: %d kB", &now)  //nolint:errcheck // another line
		fmt.Sscanf(string(line), "VmHWM: %d kB", &most) //nolint:errcheck // another line
	}
	return now / 1024, most / 1024
}

// stop ends the hub and returns what it has counted.
func (h *crowdHub) stop() (end crowdEnd, err error) {
	err = errors.Join(h.cmd.Process.Signal(syscall.SIGTERM), h.cmd.Wait())
	if err != nil {
		return end, err
	}
	found := crowdLastLine.FindStringSubmatch(h.said())
	if found == nil {
		return end, errors.New("the hub has not logged its counts")
	}
	line := strings.ReplaceAll(found[1], `"missing before"`, "gone")
	_, err = fmt.Sscanf(line, "received=%d missed=%d gone=%d", &end.received, &end.missed, &end.gone)
	return end, err
}

// kill kills the hub if it is still running.
func (h *crowdHub) kill() {
	if h.cmd != nil && h.cmd.Process != nil && h.cmd.ProcessState == nil {
		h.cmd.Process.Kill() //nolint:errcheck // it may have ended
		h.cmd.Wait()         //nolint:errcheck // its exit code is not what is measured
	}
	os.Remove(h.log) //nolint:errcheck // there may be none
}

// crowdAccount is one reader's, as bench/crowd writes it.
type crowdAccount struct {
	kind                                            string
	received, missed, gone, leftOut, disorder, last uint64
}

type crowdAccounts []crowdAccount

// judge compares the accounts with the number of messages that the hub has received since the readers began,
// some last messages included, and with the number that it reports as missed.
func (all crowdAccounts) judge(received uint64, lasts int, missed, gone uint64) (words string, err error) {
	var misses, awake, complete, wrong uint64
	for _, a := range all {
		received := received - uint64(lasts) + a.last // up to its last message
		if a.kind == "libzmq" {                       // libzmq is not told
			a.missed = received - a.received
		}
		misses += a.missed
		if !strings.HasSuffix(a.kind, "-asleep") {
			awake++
			if a.missed == 0 {
				complete++
			}
		}
		if a.received+a.missed != received || a.disorder > 0 {
			wrong++
			err = fmt.Errorf("a reader's account is wrong: %+v of %d", a, received)
		}
	}
	if wrong > 0 {
		return "", fmt.Errorf("%d of %d readers: %w", wrong, len(all), err)
	}
	if misses != missed {
		return "", fmt.Errorf("readers have missed %d messages, the hub reports %d", misses, missed)
	}
	return fmt.Sprintf("with the readers: received + missed = %d for each of the %d; of %d that read, %d missed none; "+
		"%d misses in all, as the hub reports; the publisher reports %d dropped",
		received, len(all), awake, complete, misses, gone), nil
}
