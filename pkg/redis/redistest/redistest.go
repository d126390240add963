// Package redistest runs real Redis servers for tests, on free loopback ports and in folders of their own, and talks to them.
package redistest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// patience bounds every wait; nothing takes that long unless it hangs.
const patience = 30 * time.Second

// Programs are the servers that this machine has: redis-server always, and valkey-server where the distribution has it.
func Programs(t testing.TB) (names []string) {
	t.Helper()
	for _, name := range []string{"redis-server", "valkey-server"} {
		if _, err := exec.LookPath(name); err == nil {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		t.Fatal("redis-server is missing: run integration/setup test")
	}
	return names
}

// Server is one running server. It ends with the test.
type Server struct {
	t       testing.TB
	program string
	port    int
	folder  string
	args    []string
	cmd     *exec.Cmd
	client  *goredis.Client
}

// Start starts redis-server with more arguments, as on its command line, and waits until it answers.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	return StartProgram(t, "redis-server", args...)
}

// StartProgram starts one of Programs.
func StartProgram(t testing.TB, program string, args ...string) *Server {
	t.Helper()
	s := &Server{t: t, program: program, folder: t.TempDir(), args: args}
	t.Cleanup(s.end)
	for range 5 {
		s.port = freePort(t)
		s.cmd = nil
		if s.Restart(); s.cmd != nil {
			s.client = goredis.NewClient(&goredis.Options{Addr: s.Addr(), Protocol: 2})
			return s
		}
	}
	t.Fatalf("%s does not start:\n%s", program, s.Log())
	return nil
}

// freePort returns a port that is free now, and whose cluster bus is.
func freePort(t testing.TB) int {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		if port := l.Addr().(*net.TCPAddr).Port; port < 55536 { // the bus is 10,000 above
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

// FreePort returns a port that is free now, for what a server is to be told later.
func FreePort(t testing.TB) string { return fmt.Sprint(freePort(t)) }

// StartSentinel starts a sentinel, with lines of configuration of its own.
func StartSentinel(t testing.TB, lines string) *Server {
	t.Helper()
	file := filepath.Join(t.TempDir(), "sentinel.conf")
	if err := os.WriteFile(file, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	return Start(t, file, "--sentinel")
}

// Addr returns host:port.
func (s *Server) Addr() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

// Port returns the port.
func (s *Server) Port() int { return s.port }

// Log returns the end of what the server has written.
func (s *Server) Log() string {
	text, _ := os.ReadFile(filepath.Join(s.folder, "log"))
	return string(text[max(0, len(text)-4000):])
}

// Restart starts the server, on its port and with its data, and more arguments, and waits until it answers, be it with an error. It must have ended before.
func (s *Server) Restart(more ...string) {
	s.t.Helper()
	log, err := os.OpenFile(filepath.Join(s.folder, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	args := slices.Concat(s.args, []string{"--port", fmt.Sprint(s.port), "--bind", "127.0.0.1", "--dir", s.folder, "--save", ""}, more)
	cmd := exec.Command(s.program, args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.cmd = cmd
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if conn, err := net.Dial("tcp", s.Addr()); err == nil {
			conn.Close()
			return
		}
		var status syscall.WaitStatus
		if pid, _ := syscall.Wait4(cmd.Process.Pid, &status, syscall.WNOHANG, nil); pid != 0 {
			s.cmd = nil // the port was taken
			return
		}
	}
	s.t.Fatalf("%s does not answer:\n%s", s.program, s.Log())
}

// Signal sends a signal: SIGSTOP, SIGCONT.
func (s *Server) Signal(signal syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(signal); err != nil {
		s.t.Fatal(err)
	}
}

// Kill kills the server (SIGKILL) and waits for its end.
func (s *Server) Kill() {
	s.t.Helper()
	s.Signal(syscall.SIGKILL)
	s.cmd.Wait()
	s.cmd = nil
}

func (s *Server) end() {
	if s.cmd != nil {
		s.cmd.Process.Signal(syscall.SIGCONT)
		s.cmd.Process.Kill()
		s.cmd.Wait()
	}
	if s.client != nil {
		s.client.Close()
	}
	if s.t.Failed() {
		s.t.Logf("%s on port %d wrote:\n%s", s.program, s.port, s.Log())
	}
}

// Client returns a client of this server, for the test's own questions.
func (s *Server) Client() *goredis.Client { return s.client }

// Do asks the server something, and ends the test when it fails.
func (s *Server) Do(args ...any) any {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	value, err := s.Client().Do(ctx, args...).Result()
	if err != nil && err != goredis.Nil {
		s.t.Fatalf("%v: %v", args, err)
	}
	return value
}

// List returns all elements of a list.
func (s *Server) List(key string) (elements []string) {
	s.t.Helper()
	for _, v := range s.Do("lrange", key, 0, -1).([]any) {
		elements = append(elements, v.(string))
	}
	return elements
}

// CLI runs redis-cli with a line of a shell, as a person would, and returns what it prints.
func (s *Server) CLI(line string) string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", line)
	cmd.Env = append(os.Environ(), "PORT="+fmt.Sprint(s.port))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		s.t.Fatalf("%s: %v\n%s%s", line, err, out, &stderr)
	}
	return strings.TrimSpace(string(out))
}
