package integration

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/check"
)

// The rights of the user who checks count, and it is said whose they are: rsyslogd's user may have others.
func TestCheckAsAnotherUser(t *testing.T) {
	const nobody = 65534
	if os.Geteuid() != 0 {
		t.Skip("only root can run a check as another user")
	}
	rings, dir := makeKeyring(t, "server", "client"), folder(t)
	for _, open := range []string{rings.dir, dir} {
		if err := os.Chmod(open, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	copied := filepath.Join(dir, "omzmq")
	from, err := os.Open(program("omzmq"))
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	to, err := os.OpenFile(copied, os.O_WRONLY|os.O_CREATE, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(to, from); err != nil {
		t.Fatal(err)
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	r := startRsyslogd(t, preamble+wayIn+"ruleset(name=\"in\") { stop }\n")
	holding := checking("omzmq", "--socket", "pub", "--bind", "ipc://"+dir+"/held")
	if _, err := holding.StdinPipe(); err != nil { // its end would end the program
		t.Fatal(err)
	}
	running := start(t, "omzmq", holding)
	running.logged(t, "msg=listening")
	conf := configured(t, "rsyslog.conf", `$PrivDropToUser nobody`+"\n"+likeDebian(readme(t, "1. ", "rsyslog")), logsExample, "tcp://127.0.0.1:1")

	asNobody := func(args ...string) string {
		cmd := checking("omzmq", append(args, "--check")...)
		cmd.Path, cmd.Args[0], cmd.Dir = copied, copied, "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		var out bytes.Buffer
		cmd.Stdout = &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		cmd.Wait() //nolint:errcheck // the report says what is wrong
		return out.String()
	}
	wants := func(report string, lines ...string) {
		t.Helper()
		for _, line := range lines {
			if !strings.Contains(report, "\n"+line) {
				t.Errorf("%s\nlacks %q", report, line)
			}
		}
	}
	report := asNobody("--bind", "tcp://127.0.0.1:81", "--journal", dir+"/journal",
		"--curve-key", rings.path("server"), "--curve-clients", rings.path("clients"))
	wants(report, "ok       as user nobody (uid 65534)",
		"warning  rsyslogd: "+check.OtherUser.Phrase+": root (uid 0)",
		"WRONG    --journal: "+check.JournalFolder.Phrase+": "+dir+"/journal: "+dir+": permission denied",
		"WRONG    security: "+check.SecurityFiles.Phrase+": --curve-key: open "+rings.path("server")+"_secret: permission denied for uid 65534")
	wants(asNobody("--bind", "tcp://127.0.0.1:81"), "WRONG    --bind tcp://127.0.0.1:81: "+check.PrivilegedPort.Phrase)
	wants(asNobody("--bind", "ipc://"+dir+"/s"), "WRONG    --bind ipc://"+dir+"/s: "+check.SocketFolder.Phrase)
	// Who holds an address is hidden from this user, but not what runs.
	wants(asNobody("--socket", "pub", "--bind", "ipc://"+dir+"/held"), "note     --bind ipc://"+dir+"/held: a running omzmq holds it")
	wants(asNobody("--connect", "ipc://"+dir+"/held", "--socket", "push"), "WRONG    --connect ipc://"+dir+"/held: "+check.NotPermitted.Phrase)

	report, _ = checked(t, "omzmq", "--check="+conf)
	wants(report, "warning  "+conf+":1: "+check.OtherUser.Phrase+": nobody (uid 65534)")
	running.stop(t)
	r.stop(t)
}
