package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap/taptest"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// process is a zmqtap that ends with the test. It is the test's own binary (scripttest.Main).
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	ended chan struct{}

	mu     sync.Mutex
	stderr bytes.Buffer
}

func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stderr.Write(b)
}

func (p *process) log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stderr.String()
}

func launch(t *testing.T, args ...string) *process {
	t.Helper()
	return launchCommand(t, exec.Command(program, args...))
}

// launchCommand is launch for a command whose streams may be set. Without a standard error, it goes to the
// process's log.
func launchCommand(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, cmd: cmd, ended: make(chan struct{})}
	if cmd.Stderr == nil {
		cmd.Stderr = p
	}
	// A process inherits ignored signals, for example from nohup, or from a shell that runs the tests in the
	// background. Signals that are caught at its start it gets with their defaults.
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, syscall.SIGHUP, syscall.SIGINT)
	err := p.cmd.Start()
	signal.Stop(caught)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		p.cmd.Wait() //nolint:errcheck // the exit code is read from ProcessState
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.cmd.Process.Kill() //nolint:errcheck // it may have ended
		<-p.ended
		if t.Failed() {
			t.Logf("%q logged: %s", cmd.Args, p.log())
		}
	})
	return p
}

// logged waits for a match in the process's log, and returns its last group, or the match if there is none.
func (p *process) logged(pattern string) (found string) {
	p.t.Helper()
	re := regexp.MustCompile(pattern)
	taptest.Eventually(p.t, fmt.Sprintf("%q in the log", pattern), func() bool {
		if parts := re.FindStringSubmatch(p.log()); parts != nil {
			found = parts[len(parts)-1]
			return true
		}
		select {
		case <-p.ended:
			p.t.Fatalf("it has ended without logging %q: %s", pattern, p.log())
		default:
		}
		return false
	})
	return found
}

func (p *process) signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// exits waits for the end and checks the exit code.
func (p *process) exits(code int) {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(30 * time.Second):
		p.t.Fatal("it does not end")
	}
	if got := p.cmd.ProcessState.ExitCode(); got != code {
		p.t.Errorf("it ended with %d (%v), want %d", got, p.cmd.ProcessState, code)
	}
}

// publishing returns a bound PUB and its endpoint.
func publishing(t *testing.T) (s *zmq.Socket, at string) {
	t.Helper()
	s = taptest.Open(t, zmq.Config{Type: zmq.Pub})
	at, err := s.Bind("tcp://127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return s, at
}

// publish publishes probes until a line arrives.
func publish(t *testing.T, s *zmq.Socket, lines <-chan string) {
	t.Helper()
	taptest.Eventually(t, "a path", func() bool {
		s.Publish([]byte("t"), []byte("probe"))
		s.Flush()
		select {
		case <-lines:
			return true
		case <-time.After(10 * time.Millisecond):
			return false
		}
	})
}

// follow returns a stream's lines. A proper end closes the channel.
func follow(t *testing.T, client *http.Client, url string) <-chan string {
	t.Helper()
	answer, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { answer.Body.Close() })
	if answer.StatusCode != 200 {
		t.Fatal(answer.Status)
	}
	lines := make(chan string, 100_000)
	go func() {
		r := bufio.NewReader(answer.Body)
		for {
			line, err := r.ReadString('\n')
			if err == io.EOF {
				close(lines)
			}
			if err != nil {
				return
			}
			lines <- strings.TrimSuffix(line, "\n")
		}
	}()
	return lines
}

// ended waits for the stream's proper end.
func ended(t *testing.T, lines <-chan string) {
	t.Helper()
	for over := time.After(30 * time.Second); ; {
		select {
		case _, open := <-lines:
			if !open {
				return
			}
		case <-over:
			t.Fatal("the stream has no proper end")
		}
	}
}
