package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// machine says what the figures were made on.
func machine() string {
	return fmt.Sprintf("%s: %d CPUs, %s; Linux %s; %s; %s; libzmq %s", time.Now().Format(time.DateOnly), runtime.NumCPU(), cpuModel(),
		output("uname", "-r"), runtime.Version(), strings.TrimSpace(strings.SplitN(output("/usr/sbin/rsyslogd", "-v"), "(", 2)[0]),
		output("pkg-config", "--modversion", "libzmq"))
}

// output is what a command says, or why it says nothing: for a line that describes and decides nothing.
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
