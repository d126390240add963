package integration

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis/redistest"
)

// preamble begins every private configuration: messages of up to 64 KiB whose bytes are not escaped, and
// rsyslogd's own messages in a file. [dir] is the instance's folder.
const preamble = `
global(workDirectory="[dir]" maxMessageSize="64k" parser.escapeControlCharactersOnReceive="off"
       parser.escapeControlCharacterTab="off" processInternalMessages="on")
template(name="raw" type="string" string="%rawmsg%\n")
if $inputname == "rsyslogd" then { action(type="omfile" file="[dir]/internal.log") stop }
`

// wayIn is where the test feeds an instance: a loopback port that the kernel picks, read by ruleset "in". The
// ruleset has no queue of its own, so a full queue of its action blocks the feeding.
const wayIn = `
module(load="imptcp")
input(type="imptcp" address="127.0.0.1" port="0" listenPortFileName="[dir]/in.port" ruleset="in"
      supportOctetCountedFraming="off" maxFrameSize="65536")
`

// relpToFile receives over RELP and writes each message unchanged to the file "out".
const relpToFile = `
module(load="imrelp")
ruleset(name="received" queue.type="LinkedList" queue.size="50000") { action(type="omfile" file="[dir]/out" template="raw") }
input(type="imrelp" address="127.0.0.1" port="[relp]" ruleset="received" maxDataSize="64k" flowControl="full")
`

// rsyslogd is a private instance in a folder of its own, listening on loopback only.
type rsyslogd struct {
	*process
	dir  string
	relp string // port of its imrelp, for [relp] in the configuration; "" without one
}

// startRsyslogd starts an instance with conf, in which [dir] is its folder and [relp] a free port. It returns
// when every listener is open. imrelp cannot be given an open socket; if another process takes the port first,
// the next one is tried. If conf loads improg and there is none, the test is left out.
func startRsyslogd(t *testing.T, conf string) *rsyslogd {
	t.Helper()
	if reason := leftOut("improg"); reason != "" && strings.Contains(conf, improgModule()) {
		t.Skip(reason)
	}
	r := &rsyslogd{dir: folder(t)}
	t.Cleanup(func() {
		if t.Failed() {
			words, _ := os.ReadFile(r.file("internal.log")) // may not exist
			t.Logf("rsyslogd in %s wrote to its own log:\n%s", r.dir, tail(string(words), 6000))
		}
	})
	for range 5 {
		text := strings.ReplaceAll(conf, "[dir]", r.dir)
		if strings.Contains(conf, "[relp]") {
			r.relp = freePort(t)
			text = strings.ReplaceAll(text, "[relp]", r.relp)
		}
		if err := os.WriteFile(r.file("rsyslog.conf"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if r.launch(t) {
			return r
		}
		t.Logf("port %s was taken, trying another", r.relp)
		r.stop(t)
	}
	t.Fatal("no free port for imrelp")
	return nil
}

func (r *rsyslogd) file(name string) string { return filepath.Join(r.dir, name) }

// launch starts the instance with the configuration in its folder and reports whether it got all its ports.
func (r *rsyslogd) launch(t *testing.T) bool {
	t.Helper()
	conf := r.file("rsyslog.conf")
	if out, err := exec.Command(program("rsyslogd"), "-N1", "-f", conf).CombinedOutput(); err != nil {
		t.Fatalf("rsyslogd refuses the configuration: %v\n%s", err, out)
	}
	for _, left := range []string{"in.port", "pid"} {
		os.Remove(r.file(left)) // from the run before
	}
	r.process = start(t, "rsyslogd", exec.Command(program("rsyslogd"), "-n", "-f", conf, "-i", r.file("pid")))
	text, err := os.ReadFile(conf)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "in.port") {
		eventually(t, patience, "rsyslogd listens", func() bool {
			port, _ := os.ReadFile(r.file("in.port")) // may not exist yet
			return len(port) > 0
		})
	}
	if r.relp == "" {
		return true
	}
	eventually(t, patience, "the port for RELP is taken", func() bool { return listener(r.relp) != "" })
	return listens(r.pid(), r.relp)
}

// again starts a stopped instance with the same configuration and ports.
func (r *rsyslogd) again(t *testing.T) {
	t.Helper()
	if !r.launch(t) {
		t.Fatalf("port %s is taken", r.relp)
	}
}

// input connects to the instance's way in.
func (r *rsyslogd) input(t *testing.T) net.Conn {
	t.Helper()
	port, err := os.ReadFile(r.file("in.port"))
	if err != nil {
		t.Fatal(err)
	}
	var conn net.Conn
	eventually(t, patience, "rsyslogd listens, after it has written the port's file", func() bool {
		conn, err = net.Dial("tcp", "127.0.0.1:"+string(port))
		return err == nil
	})
	t.Cleanup(func() { conn.Close() })
	return conn
}

// feed sends lines from up to, but not including, to. It blocks while rsyslogd does not read.
func (r *rsyslogd) feed(t *testing.T, l lines, from, to int) {
	t.Helper()
	if err := send(r.input(t), l, from, to, nil); err != nil {
		t.Fatal(err)
	}
}

// feedMeanwhile is feed in a goroutine; the returned function waits for its end.
func (r *rsyslogd) feedMeanwhile(t *testing.T, l lines, from, to int) (wait func()) {
	t.Helper()
	return r.feedPaced(t, l, from, to, nil)
}

// feedPaced is feedMeanwhile with a pause before each line n.
func (r *rsyslogd) feedPaced(t *testing.T, l lines, from, to int, pause func(n int) time.Duration) (wait func()) {
	t.Helper()
	conn, done := r.input(t), make(chan error, 1)
	go func() { done <- send(conn, l, from, to, pause) }()
	return func() {
		t.Helper()
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
		case <-time.After(patience):
			t.Fatal("rsyslogd does not read what it is fed")
		}
	}
}

func send(conn net.Conn, l lines, from, to int, pause func(n int) time.Duration) error {
	w := bufio.NewWriterSize(conn, 64<<10)
	for n := from; n < to; n++ {
		if pause != nil && pause(n) > 0 {
			if err := w.Flush(); err != nil {
				return fmt.Errorf("feeding line %d: %w", n, err)
			}
			time.Sleep(pause(n))
		}
		if _, err := w.Write(append(l.line(n), '\n')); err != nil {
			return fmt.Errorf("feeding line %d: %w", n, err)
		}
	}
	return errors.Join(w.Flush(), conn.Close())
}

// freePort returns a port on which nothing listens at this moment, outside the range the kernel picks from. No other
// caller gets it.
func freePort(t *testing.T) string { return redistest.FreePort(t) }

// listens reports whether the process pid itself listens at port. It does not connect: imrelp logs an error if
// a connection closes without a word.
func listens(pid int, port string) bool {
	inode := listener(port)
	if inode == "" {
		return false
	}
	fds, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, fd := range fds {
		if target, _ := os.Readlink(fd); target == "socket:["+inode+"]" {
			return true
		}
	}
	return false
}

// listener returns the inode of the socket that listens on the IPv4 port, "" if there is none.
func listener(port string) string {
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		return ""
	}
	n, _ := strconv.Atoi(port)
	for row := range strings.Lines(string(table)) {
		f := strings.Fields(row) // sl local_address rem_address st … inode
		if len(f) > 9 && strings.HasSuffix(f[1], fmt.Sprintf(":%04X", n)) && f[3] == "0A" {
			return f[9]
		}
	}
	return ""
}
