package integration

import (
	"bufio"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// receiver is a process that prints what it receives, one line for each message: imzmq --to -, or
// peers/router.py.
type receiver struct {
	*process
	lines chan string // closed at the end of its stdout
}

// startPrinter starts imzmq with --to - and the given flags.
func startPrinter(t *testing.T, flags ...string) *receiver {
	t.Helper()
	return startReceiver(t, "imzmq", exec.Command(program("imzmq"), append(flags, "--to", "-")...))
}

// startRouter starts the Python ROUTER that stores and acknowledges. It prints number, topic and payload,
// separated by tabs. endpoint may leave the choice of the port open (tcp://127.0.0.1:*); the chosen endpoint
// is returned.
func startRouter(t *testing.T, endpoint string) (*receiver, string) {
	t.Helper()
	r := startReceiver(t, "router.py", exec.Command(python, "peers/router.py", endpoint))
	return r, r.next(t)
}

func startReceiver(t *testing.T, name string, cmd *exec.Cmd) *receiver {
	t.Helper()
	p, _, stdout := startPiped(t, name, cmd)
	r := &receiver{process: p, lines: make(chan string, 1<<17)}
	go r.read(stdout)
	return r
}

func (r *receiver) read(stdout *bufio.Reader) {
	defer close(r.lines)
	for {
		line, err := stdout.ReadString('\n')
		if err != nil {
			return
		}
		r.lines <- strings.TrimSuffix(line, "\n")
	}
}

// next waits for the next line.
func (r *receiver) next(t *testing.T) string {
	t.Helper()
	select {
	case line, open := <-r.lines:
		if !open {
			t.Fatalf("%s has closed its stdout", r.name)
		}
		return line
	case <-time.After(patience):
		t.Fatalf("%s prints nothing", r.name)
		return ""
	}
}

// awaits passes over lines until the given one comes.
func (r *receiver) awaits(t *testing.T, want string) {
	t.Helper()
	for r.next(t) != want {
	}
}

// expect waits for the given lines, in this order.
func (r *receiver) expect(t *testing.T, want ...string) {
	t.Helper()
	for _, line := range want {
		if got := r.next(t); got != line {
			t.Fatalf("%s printed %q, want %q", r.name, got, line)
		}
	}
}

// rest returns everything not yet read, after the process has ended.
func (r *receiver) rest(t *testing.T) []string {
	t.Helper()
	r.exit(t)
	var rest []string
	for line := range r.lines {
		rest = append(rest, line)
	}
	return rest
}

// has enters what has been printed into a and reports whether at least n different lines have arrived.
func (r *receiver) has(a *account, n int) bool {
	for {
		select {
		case line, open := <-r.lines:
			if open {
				a.add([]byte(line))
				continue
			}
		default:
		}
		return a.arrived >= n
	}
}
