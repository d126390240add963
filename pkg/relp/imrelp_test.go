package relp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// These tests talk to the distribution's rsyslogd (Debian: rsyslog and rsyslog-relp).

const imrelpConf = `
global(workDirectory="%[1]s" maxMessageSize="%[4]s")
module(load="imrelp")
input(type="imrelp" address="127.0.0.1" port="%[2]d" ruleset="r" flowControl="full" maxDataSize="%[4]s"%[5]s)
template(name="raw" type="string" string="%%rawmsg%%\n")
ruleset(name="r" %[3]s) { action(type="omfile" file="%[1]s/out" template="raw" flushOnTXEnd="on") }
`

// direct makes a 200 mean that the line has been written.
const direct = `queue.type="direct"`

type rsyslogd struct {
	t       testing.TB
	dir     string
	address string
	port    int
	process *exec.Cmd
	stderr  bytes.Buffer
}

// startRsyslogd runs a private rsyslogd whose imrelp listens on port (0: a free one).
func startRsyslogd(t testing.TB, dir string, port int, queue string) *rsyslogd {
	t.Helper()
	return startLimited(t, dir, port, queue, "1m", "")
}

// startLimited is startRsyslogd with a size for messages and further parameters of the input.
func startLimited(t testing.TB, dir string, port int, queue, size, input string) *rsyslogd {
	t.Helper()
	r := &rsyslogd{t: t, dir: dir}
	conf, pid := filepath.Join(dir, "conf"), filepath.Join(dir, "pid")
	os.Remove(pid)
	if err := os.WriteFile(conf, fmt.Appendf(nil, imrelpConf, dir, port, queue, size, input), 0o600); err != nil {
		t.Fatal(err)
	}
	r.process = exec.Command("/usr/sbin/rsyslogd", "-n", "-f", conf, "-i", pid)
	r.process.Stderr = &r.stderr
	if err := r.process.Start(); err != nil {
		t.Fatalf("%v: install rsyslog and rsyslog-relp", err)
	}
	t.Cleanup(r.stop)
	waitFor(t, "imrelp to listen", func() bool { r.port = listening(r.process.Process.Pid); return r.port != 0 })
	r.address = "127.0.0.1:" + strconv.Itoa(r.port)
	return r
}

func (r *rsyslogd) stop() {
	if r.process.ProcessState != nil {
		return
	}
	r.process.Process.Signal(syscall.SIGTERM)
	err := r.process.Wait()
	var unexpected []string
	for line := range strings.Lines(r.stderr.String()) {
		if !strings.Contains(line, "librelp error 'frame too long") {
			unexpected = append(unexpected, line)
		}
	}
	if err != nil || len(unexpected) > 0 {
		r.t.Errorf("rsyslogd: %v; on stderr: %s", err, unexpected)
	}
}

// lines returns what has been written so far.
func (r *rsyslogd) lines() []string {
	text, err := os.ReadFile(filepath.Join(r.dir, "out"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		r.t.Error(err)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// listening returns the TCP port on 127.0.0.1 that the process listens on, or 0.
func listening(pid int) int {
	proc := fmt.Sprintf("/proc/%d/", pid)
	table, _ := os.ReadFile(proc + "net/tcp")
	fds, _ := filepath.Glob(proc + "fd/*")
	for _, fd := range fds {
		target, _ := os.Readlink(fd)
		inode, ok := strings.CutPrefix(target, "socket:[")
		for row := range strings.Lines(string(table)) {
			f := strings.Fields(row) // sl local_address rem_address st … inode
			if ok && len(f) > 9 && f[3] == "0A" && f[9]+"]" == inode {
				_, port, _ := strings.Cut(f[1], ":")
				n, _ := strconv.ParseInt(port, 16, 32)
				return int(n)
			}
		}
	}
	return 0
}

func waitFor(t testing.TB, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !done(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

func TestImrelp(t *testing.T) {
	t.Parallel()
	server := startRsyslogd(t, t.TempDir(), 0, direct)
	c, logged := newClient(t, Config{Address: server.address})
	var want []string
	batch := [][]byte{[]byte("line\nfeed"), []byte("NUL\x00."), {}, []byte("last")}
	want = append(want, "line#012feed", "NUL#000.", "", "last")
	for i := range 5000 {
		batch = append(batch, fmt.Appendf(nil, "%d %s", i, strings.Repeat("x", 200)))
		want = append(want, string(batch[len(batch)-1]))
	}
	batch = append(batch, bytes.Repeat([]byte("long "), 40_000))
	want = append(want, string(batch[len(batch)-1]))
	got, settled := fates(t, len(batch))
	if err := c.Send(bounded(t), batch, settled); err != nil {
		t.Fatal(err)
	}
	for i, fate := range got {
		if fate != "ok" {
			t.Fatalf("message %d: %s", i, fate)
		}
	}
	if err := c.Close(bounded(t)); err != nil {
		t.Error(err)
	}
	lines := server.lines()
	if len(lines) != len(want) {
		t.Fatalf("%d lines arrived, %d were sent", len(lines), len(want))
	}
	for i := range want {
		if lines[i] != want[i] {
			t.Errorf("line %d is %.50q, want %.50q", i, lines[i], want[i])
		}
	}
	if n := logged.count("level"); n != 0 {
		t.Errorf("logged:\n%s", &logged.buf)
	}
}

// rsyslogd is stopped and started again while messages flow: every message arrives.
func TestImrelpRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	server := startRsyslogd(t, dir, 0, direct)
	c, _ := newClient(t, Config{Address: server.address, Reconnect: 10 * time.Millisecond, ReconnectMax: 50 * time.Millisecond})
	const batches, size = 20, 500
	half := make(chan struct{})
	sent := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		for b := range batches {
			var batch [][]byte
			for i := range size {
				batch = append(batch, fmt.Appendf(nil, "message %d", b*size+i))
			}
			n := 0
			if err := c.Send(ctx, batch, func(int, error) {
				if n++; b == batches/2 && n == size/2 {
					close(half)
				}
			}); err != nil || n != size {
				sent <- fmt.Errorf("batch %d: %d settled: %w", b, n, err)
				return
			}
		}
		sent <- nil
	}()
	<-half
	server.stop()
	server = startRsyslogd(t, dir, server.port, direct)
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]int)
	for _, line := range server.lines() {
		seen[line]++
	}
	for i := range batches * size {
		if seen[fmt.Sprintf("message %d", i)] == 0 {
			t.Errorf("message %d is lost", i)
		}
	}
	if len(seen) != batches*size {
		t.Errorf("%d different lines, %d were sent", len(seen), batches*size)
	}
}

// BenchmarkImrelp sends batches of 1,000 messages of 200 bytes into imrelp, which by default queues them
// in memory and writes them to a file. An op is a message.
func BenchmarkImrelp(b *testing.B) {
	server := startRsyslogd(b, b.TempDir(), 0, "")
	c, err := NewClient(Config{Address: server.address, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	batch := make([][]byte, 1000)
	for i := range batch {
		batch[i] = fmt.Appendf(nil, "<13>May  4 12:00:00 host app: %-170d", i)
	}
	b.ResetTimer()
	b.ReportAllocs()
	for left := b.N; left > 0; left -= len(batch) {
		n := min(left, len(batch))
		if err := c.Send(context.Background(), batch[:n], func(int, error) {}); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
	if err := c.Close(context.Background()); err != nil {
		b.Error(err)
	}
}
