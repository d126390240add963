package integration

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait without a bound of its own. Reaching it is always a failure.
const patience = time.Minute

// eventually polls until done returns true. After the given time it fails the test and prints what it waited
// for.
func eventually(t *testing.T, within time.Duration, what string, done func() bool) {
	t.Helper()
	if !polled(within, done) {
		t.Fatalf("not within %v: %s", within, what)
	}
}

func polled(within time.Duration, done func() bool) bool {
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-deadline.C:
			return done()
		case <-tick.C:
		}
	}
	return true
}

// folder is like t.TempDir with a path short enough for a unix socket's address.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "rz-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// log collects what a process writes; any goroutine may read it.
type log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// process is a child of the test and does not outlive it. If the test fails, the child's stderr is shown.
type process struct {
	name   string
	cmd    *exec.Cmd
	stderr *log
	stdout *os.File      // the end of its pipe that startPiped reads; nil without one
	ended  chan struct{} // closed when it has been waited for
}

// start starts cmd and keeps its stderr, unless the caller has set one.
func start(t *testing.T, name string, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{name: name, cmd: cmd, stderr: new(log), ended: make(chan struct{})}
	if cmd.Stderr == nil {
		cmd.Stderr = p.stderr
	}
	cmd.WaitDelay = 5 * time.Second // a grandchild may hold the pipe
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting %s: %v", name, err)
	}
	go func() {
		cmd.Wait() //nolint:errcheck // the exit code is read from ProcessState
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%s %q wrote to stderr:\n%s", name, cmd.Args[1:], tail(p.stderr.String(), 6000))
		}
	})
	return p
}

// startPiped is start with stdin and stdout on pipes. It makes the pipe of stdout itself: os/exec closes its
// own when the process ends, whether it has been read or not.
func startPiped(t *testing.T, name string, cmd *exec.Cmd) (*process, io.WriteCloser, *bufio.Reader) {
	t.Helper()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, childs, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stdout.Close() })
	cmd.Stdout = childs
	p := start(t, name, cmd)
	p.stdout = stdout
	childs.Close()
	return p, stdin, bufio.NewReader(stdout)
}

// tail returns the last n bytes of s.
func tail(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return "[…] " + s[len(s)-n:]
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// signal sends sig. It is no error if the process has ended.
func (p *process) signal(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatalf("signal %v to %s: %v", sig, p.name, err)
	}
	if sig == syscall.SIGSTOP {
		eventually(t, patience, p.name+" stops", func() bool { return stopped(p.pid()) })
	}
}

// stopped reports whether every thread of a process is stopped, or has ended. SIGSTOP does not stop all of them at
// once: one that runs on another CPU may go on for a while.
func stopped(pid int) bool {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	for _, thread := range threads {
		stat, _ := os.ReadFile(thread) // proc(5): the state follows the name, which is in parentheses
		if _, state, _ := bytes.Cut(stat[bytes.LastIndexByte(stat, ')')+1:], []byte(" ")); bytes.IndexAny(state, "TZX") != 0 {
			return false
		}
	}
	return true
}

// kill ends the process at once, even a stopped one, and waits for it. If the process leads a process group,
// the whole group ends.
func (p *process) kill() {
	if attr := p.cmd.SysProcAttr; attr != nil && attr.Setpgid {
		syscall.Kill(-p.pid(), syscall.SIGKILL) //nolint:errcheck // it may have ended
	}
	p.cmd.Process.Kill() //nolint:errcheck // it may have ended
	<-p.ended
}

// exit waits until the process has ended and returns its exit code, -1 if a signal ended it.
func (p *process) exit(t *testing.T) int {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		t.Fatalf("%s does not end", p.name)
	}
	return p.cmd.ProcessState.ExitCode()
}

// stop sends SIGTERM, after which the exit code must be 0.
func (p *process) stop(t *testing.T) {
	t.Helper()
	p.signal(t, syscall.SIGTERM)
	if code := p.exit(t); code != 0 {
		t.Errorf("%s ended with %d on SIGTERM", p.name, code)
	}
}

func (p *process) running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// logged waits until the process has written a match to stderr and returns the submatches.
func (p *process) logged(t *testing.T, pattern string) []string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	var found []string
	eventually(t, patience, fmt.Sprintf("%s logs %q", p.name, pattern), func() bool {
		found = re.FindStringSubmatch(p.stderr.String())
		return found != nil || !p.running()
	})
	if found == nil {
		t.Fatalf("%s ended with %d without logging %q", p.name, p.exit(t), pattern)
	}
	return found
}

// boundPort waits until the process has logged the loopback port that it was given for port 0.
func (p *process) boundPort(t *testing.T) string {
	t.Helper()
	return p.logged(t, `tcp://127\.0\.0\.1:([1-9][0-9]*)`)[1]
}

// residentKiB returns VmRSS of any process, in KiB.
func residentKiB(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	n, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// children returns the pids of a process's children whose program has the given name.
func children(t *testing.T, parent int, name string) []int {
	t.Helper()
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", parent))
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, list := range lists {
		text, _ := os.ReadFile(list) // a thread may have ended
		for _, field := range strings.Fields(string(text)) {
			exe, _ := os.Readlink("/proc/" + field + "/exe") // a child may have ended
			if pid, err := strconv.Atoi(field); err == nil && filepath.Base(exe) == name {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}
