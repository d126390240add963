package zmq_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// text is a log, or a program's output, that a test reads.
type text struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (x *text) Write(b []byte) (int, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.buf.Write(b)
}

func (x *text) String() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.buf.String()
}

func (x *text) count(part string) int { return strings.Count(x.String(), part) }

// zone is a DNS zone that dnsmasq serves: zmq.test, whose other names do not exist.
type zone struct {
	t      *testing.T
	folder string
	port   int
	cmd    *exec.Cmd
	log    *text
}

// newZone serves a zone at a free port, with hosts "address name".
func newZone(t *testing.T, hosts []string, records ...string) *zone {
	t.Helper()
	z := &zone{t: t, folder: t.TempDir()}
	z.write(hosts)
	for range 20 { // dnsmasq picks no port; one of the kernel's range could be taken while it restarts
		z.port = 15_000 + rand.IntN(15_000)
		if z.start(records...) {
			t.Cleanup(z.kill)
			return z
		}
	}
	t.Fatalf("dnsmasq does not start; `integration/setup test` installs it: %s", z.log)
	return nil
}

// start starts the server, with SRV records in dnsmasq's notation, and reports whether it answers.
func (z *zone) start(records ...string) bool {
	z.t.Helper()
	me, err := user.Current()
	if err != nil {
		z.t.Fatal(err)
	}
	args := []string{"--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
		"--listen-address=127.0.0.1", "--bind-interfaces", "--port=" + strconv.Itoa(z.port), "--user=" + me.Username,
		"--pid-file=" + filepath.Join(z.folder, "pid"), "--addn-hosts=" + filepath.Join(z.folder, "hosts"),
		"--local=/zmq.test/", "--local-ttl=0", "--log-queries", "--log-facility=-"}
	for _, r := range records {
		args = append(args, "--srv-host="+r)
	}
	z.log = &text{}
	z.cmd = exec.Command("/usr/sbin/dnsmasq", args...)
	z.cmd.Stdout, z.cmd.Stderr = z.log, z.log
	if err := z.cmd.Start(); err != nil {
		z.t.Fatalf("dnsmasq does not start; `integration/setup test` installs it: %v", err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		z.cmd.Wait() //nolint:errcheck // it is killed
	}()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		if conn, err := net.DialTimeout("tcp", z.server(), time.Second); err == nil {
			conn.Close()
			if z.log.count("started, version") > 0 { // it is this process rather than a child of an earlier one
				return true
			}
		}
		select {
		case <-ended:
			return false
		case <-time.After(5 * time.Millisecond):
		}
	}
	return false
}

func (z *zone) kill() {
	z.cmd.Process.Kill() //nolint:errcheck // it may have been killed before
	eventually(z.t, "the end of dnsmasq", func() bool { return z.cmd.Process.Signal(syscall.Signal(0)) != nil })
}

// restart changes the SRV records. A child of the killed process, which answers a question over TCP, may hold
// the port for a moment.
func (z *zone) restart(records ...string) {
	z.t.Helper()
	z.kill()
	eventually(z.t, "the restart of dnsmasq", func() bool { return z.start(records...) })
}

func (z *zone) server() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(z.port)) }

// change changes the addresses.
func (z *zone) change(hosts ...string) {
	z.t.Helper()
	z.write(hosts)
	if err := z.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		z.t.Fatal(err)
	}
}

// write replaces the file of addresses atomically.
func (z *zone) write(hosts []string) {
	z.t.Helper()
	file := filepath.Join(z.folder, "hosts")
	err := os.WriteFile(file+".new", []byte(strings.Join(hosts, "\n")+"\n"), 0o644)
	if err == nil {
		err = os.Rename(file+".new", file)
	}
	if err != nil {
		z.t.Fatal(err)
	}
}

// asked returns how often the server was asked for the IPv4 addresses of a name.
func (z *zone) asked(name string) int { return z.log.count(fmt.Sprintf("query[A] %s ", name)) }
