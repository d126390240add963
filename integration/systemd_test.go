package integration

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The test in systemd's place. With systemd itself: integration/packages.

// notified is a socket as systemd's.
type notified struct {
	*net.UnixConn
	path string
}

func listenNotified(t *testing.T) *notified {
	t.Helper()
	path := filepath.Join(folder(t), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &notified{conn, path}
}

// hear returns the next message.
func (n *notified) hear(t *testing.T) string {
	t.Helper()
	n.SetReadDeadline(time.Now().Add(patience)) //nolint:errcheck // then Read fails
	buf := make([]byte, 4096)
	size, err := n.Read(buf)
	if err != nil {
		t.Fatalf("nothing is said to systemd: %v", err)
	}
	return string(buf[:size])
}

// hears waits for a message that matches, passing over others.
func (n *notified) hears(t *testing.T, pattern string) {
	t.Helper()
	for !regexp.MustCompile(pattern).MatchString(n.hear(t)) { //nolint:revive // hear fails the test in the end
	}
}

// serve starts a command as systemd does, which wants a sign of life each 100 ms.
func (n *notified) serve(t *testing.T, name string, command ...string) *process {
	t.Helper()
	cmd := exec.Command("sh", append([]string{"-c", `SYSTEMD_EXEC_PID=$$ WATCHDOG_PID=$$ exec "$@"`, "sh"}, command...)...)
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+n.path, "WATCHDOG_USEC=100000")
	return start(t, name, cmd)
}

// template returns the command line of a shipped template, with the flags that its comment shows.
func template(t *testing.T, name string, oldnew ...string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository(), "packaging/systemd", name+"@.service"))
	if err != nil {
		t.Fatal(err)
	}
	command := regexp.MustCompile(`(?m)^ExecStart=(.*)$`).FindStringSubmatch(string(text))
	flags := regexp.MustCompile(`(?m)^#\tFLAGS=(.*)$`).FindStringSubmatch(string(text))
	journal := regexp.MustCompile(`(?m)^Environment=JOURNAL=(.*)$`).FindStringSubmatch(string(text))
	if command == nil || flags == nil {
		t.Fatalf("%s has no ExecStart= or no FLAGS= in its comment", name)
	}
	oldnew = append(oldnew, packagedOmzmq, program("omzmq"), packagedImzmq, program("imzmq"), packagedZmqtap, program("zmqtap"),
		"$FLAGS", flags[1])
	if journal != nil {
		oldnew = append(oldnew, "$JOURNAL", journal[1])
	}
	line := command[1]
	for range 2 { // what is replaced may stand in what has replaced something
		line = strings.NewReplacer(oldnew...).Replace(line)
	}
	return strings.Fields(line)
}

// Each template's program is ready, lives, says its numbers, and stops.
func TestTemplatesNotify(t *testing.T) {
	dir := folder(t)
	port := freePort(t)
	for name, command := range map[string][]string{
		"imzmq":        template(t, "imzmq", "*:5555", "127.0.0.1:0", "2514", port),
		"omzmq-relp":   template(t, "omzmq-relp", "127.0.0.1:2514", "127.0.0.1:0", "logs.example.com:5555", "127.0.0.1:"+port, "%S/rsyslog-zeromq", dir, "%i", "i"),
		"zmqtap-hub":   template(t, "zmqtap-hub", "/run/zmqtap-hub/main", dir),
		"zmqtap-serve": template(t, "zmqtap-serve", "/run/zmqtap-serve/main/http", dir+"/serve", "5556", port),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			systemd := listenNotified(t)
			p := systemd.serve(t, name, command...)
			systemd.hears(t, "^READY=1\nWATCHDOG=1\nSTATUS=")
			systemd.hears(t, "^WATCHDOG=1\nSTATUS=")
			p.signal(t, syscall.SIGTERM)
			systemd.hears(t, `^STOPPING=1(\n|$)`)
			if code := p.exit(t); code != 0 {
				t.Errorf("it ended with %d", code)
			}
		})
	}
}

// A program whose address is taken lives, and is ready once it has the address.
func TestReadyOnceBound(t *testing.T) {
	t.Parallel()
	holder, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	systemd := listenNotified(t)
	p := systemd.serve(t, "imzmq", program("imzmq"), "--bind", "tcp://"+holder.Addr().String(), "--bind-retry", "10m",
		"--reconnect-max", "100ms", "--to", "-", "--socket", "pull")
	for range 3 {
		if got := systemd.hear(t); strings.Contains(got, "READY") {
			t.Fatalf("it says %q while its address is taken", got)
		}
	}
	holder.Close()
	systemd.hears(t, "^READY=1\n")
	p.stop(t)
}

// rsyslogd is of Type=notify, and its child inherits that. What omzmq says would be said in rsyslogd's name.
func TestSilentUnderRsyslogd(t *testing.T) {
	systemd := listenNotified(t)
	t.Setenv("NOTIFY_SOCKET", systemd.path)
	t.Setenv("WATCHDOG_USEC", "20000")
	peer := startPeer(t, "PULL", "--bind", "tcp://127.0.0.1:0")
	r := startRsyslogd(t, likeDebian(fmt.Sprintf(`module(load="omprog")
		action(type="omprog" binary="%s --socket push --connect %s" confirmMessages="on")`, program("omzmq"), peer.endpoint)))
	r.logLines(t, "<13>1 2026-01-02T03:04:05Z web-1 tag - - - hello")
	peer.receive(t)
	r.stop(t)
	const last = "the test's"
	if _, err := systemd.WriteTo([]byte(last), &net.UnixAddr{Name: systemd.path, Net: "unixgram"}); err != nil {
		t.Fatal(err)
	}
	for got := systemd.hear(t); got != last; got = systemd.hear(t) {
		if strings.Contains(got, "STATUS=") || strings.Contains(got, "WATCHDOG=") {
			t.Errorf("omzmq speaks in rsyslogd's name: %q", got)
		}
	}
}
