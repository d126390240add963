// Package redistest runs real Redis servers for tests, on free loopback ports and in folders of their own, and talks
// to them.
package redistest

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// patience bounds every wait; nothing takes that long unless it hangs.
const patience = 30 * time.Second

// Programs returns the server programs that this machine has: redis-server, and valkey-server where the distribution
// has it.
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

// Each runs a test with each of Programs.
func Each(t *testing.T, test func(t *testing.T, program string)) {
	for _, program := range Programs(t) {
		t.Run(program, func(t *testing.T) { test(t, program) })
	}
}

// Server is a running server, which ends with the test.
type Server struct {
	t       testing.TB
	program string
	port    int
	folder  string
	args    []string
	cmd     *exec.Cmd
	client  *goredis.Client
}

// Start starts redis-server with further arguments, as on its command line, and waits until it answers.
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
		if s.launch() {
			s.client = goredis.NewClient(&goredis.Options{Addr: s.Addr(), Protocol: 2})
			return s
		}
	}
	t.Fatalf("%s does not start:\n%s", program, s.Log())
	return nil
}

// Ports of servers are from 10,000 to 19,999, and those of their cluster buses 10,000 above. Linux gives neither to
// outgoing connections or to listeners without a port (they begin at 32,768), so that a server can have its port again
// after a restart.
const firstPort, ports = 10_000, 10_000

// freePort returns a port that is free now, like that of its cluster bus, and that no other test process on this
// machine gets either: a Unix socket with the port in its (abstract) name, which the process holds to its end, is
// the lease.
func freePort(t testing.TB) int {
	t.Helper()
	for range 1000 {
		port := firstPort + rand.IntN(ports)
		lease, err := net.Listen("unix", fmt.Sprint("@rsyslog-zeromq-port-", port))
		if err != nil {
			continue
		}
		if isFree(port) && isFree(port+ports) {
			leases.Store(port, lease)
			return port
		}
		lease.Close()
	}
	t.Fatal("no port is free")
	return 0
}

// leases holds the sockets, which the garbage collector would close.
var leases sync.Map

func isFree(port int) bool {
	l, err := net.Listen("tcp", address(port))
	if err == nil {
		l.Close()
	}
	return err == nil
}

func address(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

// FreePort returns a port that is free now, for a server to listen on later.
func FreePort(t testing.TB) string { return fmt.Sprint(freePort(t)) }

// StartSentinel starts a sentinel of one of Programs, whose configuration file holds lines.
func StartSentinel(t testing.TB, program, lines string) *Server {
	t.Helper()
	file := filepath.Join(t.TempDir(), "sentinel.conf")
	if err := os.WriteFile(file, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	return StartProgram(t, program, file, "--sentinel")
}

// Program returns which of Programs it runs.
func (s *Server) Program() string { return s.program }

// Addr returns host:port.
func (s *Server) Addr() string { return address(s.port) }

// Port returns the port.
func (s *Server) Port() int { return s.port }

// Log returns the end of what the server has logged.
func (s *Server) Log() string {
	text, _ := os.ReadFile(filepath.Join(s.folder, "log"))
	return string(text[max(0, len(text)-4000):])
}

// Restart starts a server that has ended, on its port and with its data, with further arguments. It waits until the
// server accepts connections; it may answer with errors for a while.
func (s *Server) Restart(more ...string) {
	s.t.Helper()
	if !s.launch(more...) {
		s.t.Fatalf("%s does not start again on port %d:\n%s", s.program, s.port, s.Log())
	}
}

// launch starts the server and waits until it accepts connections. It returns false when the server ends instead,
// because another process has its port.
func (s *Server) launch(more ...string) bool {
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
			return true
		}
		var status syscall.WaitStatus
		if pid, _ := syscall.Wait4(cmd.Process.Pid, &status, syscall.WNOHANG, nil); pid != 0 {
			s.cmd = nil
			return false
		}
	}
	s.t.Fatalf("%s does not answer:\n%s", s.program, s.Log())
	return false
}

// Signal sends a signal: SIGSTOP, SIGCONT. After SIGSTOP it waits until the server has stopped.
func (s *Server) Signal(signal syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(signal); err != nil {
		s.t.Fatal(err)
	}
	for end := time.Now().Add(patience); signal == syscall.SIGSTOP && !stopped(s.cmd.Process.Pid); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatal("it does not stop")
		}
	}
}

// stopped reports whether every thread of a process is stopped, or has ended. SIGSTOP does not stop all of them at
// once.
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

// Client returns a client of this server for the test itself.
func (s *Server) Client() *goredis.Client { return s.client }

// Do sends the server a command and returns its answer. An error ends the test.
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

// CLI runs a shell command line, with the server's port in $PORT, and returns what it prints.
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
