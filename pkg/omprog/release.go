package omprog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Release is a release of rsyslog: {8, 2302} is 8.2302. The zero Release is not known.
type Release struct{ Major, Minor int }

// splits is the first release that sends a whole batch again, each message in a transaction of its own, when two
// attempts in a row have failed at one message (doTransaction in action.c, commit 19ae11b86 of August 2025).
var splits = Release{8, 2508}

// Splits reports whether two failures in a row make rsyslog send a whole batch again. Where the release is not known it
// returns false: at worst a message is then stored twice, while one taken for a repeat wrongly would be lost.
func (r Release) Splits() bool {
	return r.Major > splits.Major || r.Major == splits.Major && r.Minor >= splits.Minor
}

func (r Release) String() string { return fmt.Sprintf("%d.%d", r.Major, r.Minor) }

const (
	releaseTimeout = 2 * time.Second
	releaseOutput  = 4 << 10 // bytes
)

var versionLine = regexp.MustCompile(`^rsyslogd\s+([0-9]{1,4})\.([0-9]{1,6})`)

// ReleaseOf asks the program of a process, which must be rsyslogd, for its version. It takes at most 2 s.
func ReleaseOf(pid int) (Release, error) {
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil {
		return Release{}, err
	}
	if strings.TrimSpace(string(name)) != "rsyslogd" {
		return Release{}, fmt.Errorf("omzmq was started by %s and not by rsyslogd", bytes.TrimSpace(name))
	}
	// The link leads to the running program even after an upgrade, but an rsyslogd that has given up root's privileges
	// hides it.
	release, err := ask(fmt.Sprintf("/proc/%d/exe", pid))
	if err == nil {
		return release, nil
	}
	command, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	path, _, _ := strings.Cut(string(command), "\x00")
	if !filepath.IsAbs(path) {
		return Release{}, err
	}
	return ask(path)
}

func ask(path string) (Release, error) {
	ctx, cancel := context.WithTimeout(context.Background(), releaseTimeout)
	defer cancel()
	var said limited
	cmd := exec.CommandContext(ctx, path, "-v")
	cmd.Stdout, cmd.WaitDelay = &said, releaseTimeout
	if err := cmd.Run(); err != nil {
		return Release{}, fmt.Errorf("%s -v: %w", path, err)
	}
	return parseRelease(said.text)
}

func parseRelease(text []byte) (r Release, err error) {
	found := versionLine.FindSubmatch(text)
	if found == nil {
		return r, errors.New("rsyslogd -v does not begin with a version")
	}
	r.Major, _ = strconv.Atoi(string(found[1])) // digits, and few
	r.Minor, _ = strconv.Atoi(string(found[2]))
	return r, nil
}

// limited keeps the beginning of what is written to it.
type limited struct{ text []byte }

func (l *limited) Write(b []byte) (int, error) {
	l.text = append(l.text, b[:min(len(b), releaseOutput-len(l.text))]...)
	return len(b), nil
}
