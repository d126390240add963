package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// machine describes what the figures were measured on.
func machine() string {
	return fmt.Sprintf("%d CPUs, %s; Linux %s; %s; %s; libzmq %s; %s",
		runtime.NumCPU(), cpuModel(), release(), runtime.Version(),
		strings.Join(strings.Fields(strings.SplitN(output("/usr/sbin/rsyslogd", "-v"), "(", 2)[0]), " "),
		output("pkg-config", "--modversion", "libzmq"),
		strings.SplitN(output("redis-server", "--version"), " sha", 2)[0])
}

// release is the kernel's version without what its builder has added.
func release() string { return strings.SplitN(output("uname", "-r"), "-", 2)[0] }

// output returns what a command prints, or its error: for descriptions only.
func output(name string, args ...string) string {
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		return "(" + err.Error() + ")"
	}
	return strings.TrimSpace(string(out))
}

func cpuModel() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return err.Error()
	}
	for line := range strings.Lines(string(info)) {
		if name, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown CPU"
}

// quiet waits until the CPUs have been 90 percent idle for a moment, for at most a time, and reports whether they were.
func quiet(ctx context.Context, longest time.Duration) bool {
	idle, all := cpuTicks()
	for range longest / (200 * time.Millisecond) {
		select {
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			return false
		}
		nowIdle, nowAll := cpuTicks()
		if nowAll > all && (nowIdle-idle)/(nowAll-all) > 0.9 {
			return true
		}
		idle, all = nowIdle, nowAll
	}
	return false
}

// cpuTicks returns how long the CPUs have been idle, and the total, from the first line of /proc/stat.
func cpuTicks() (idle, all float64) {
	text, _ := os.ReadFile("/proc/stat") // if it cannot be read, the machine counts as busy
	fields := strings.Fields(strings.SplitN(string(text), "\n", 2)[0])
	for i, field := range fields[min(1, len(fields)):] {
		ticks, _ := strconv.ParseFloat(field, 64)
		all += ticks
		if i == 3 || i == 4 { // idle, iowait
			idle += ticks
		}
	}
	return idle, all
}
