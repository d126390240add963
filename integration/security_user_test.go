package integration

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// An rsyslogd that gives up root starts an omzmq that can read its key, write its journal and its log, after the
// commands of the page. The user here is nobody.
func TestSecurityPageRunningAsSyslog(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can give up root")
	}
	h, dir := holdCeremony(t), folder(t)
	for _, open := range []string{h.dir, dir} {
		if err := os.Chmod(open, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command("install", "-D", "-t", dir+"/bin", program("omzmq")).CombinedOutput(); err != nil {
		t.Fatalf("install: %v: %s", err, out)
	}
	for _, made := range []string{"/spool/omzmq", "/apparmor"} { // a journal's folder of the time before
		if err := os.MkdirAll(dir+made, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	heading := "## Running as syslog"
	for n := range 3 {
		script := strings.NewReplacer("chown syslog", "chown nobody", "chown -R syslog", "chown -R nobody", "/var/spool/rsyslog", dir+"/spool",
			"/var/log", dir, "/etc/apparmor.d/local", dir+"/apparmor").Replace(h.block(t, heading, n))
		h.on(t, "web1", script)
	}
	wantFile(t, dir+"/apparmor/usr.sbin.rsyslogd", "^"+program("omzmq")+" Ux,\n$")
	flags := strings.ReplaceAll(h.flags(t, "web1"), "[dir]/journals", dir+"/spool/omzmq")
	action := strings.NewReplacer(program("omzmq"), dir+"/bin/omzmq", "[dir]", dir).Replace(toOmzmq(flags, memoryQueue))
	from := startRsyslogd(t, "$PrivDropToUserID 65534\n$PrivDropToGroupID 65534\n"+
		`template(name="raw" type="string" string="%rawmsg%\n")`+wayIn+action)
	from.logLines(t, "<13>as nobody")
	wantFile(t, h.to.file("out"), "<13>as nobody\n")
	h.imzmq.wantUser(t, "web1")
	status := fmt.Sprintf("/proc/%d/status", children(t, from.pid(), "omzmq")[0])
	wantFile(t, status, `(?m)^Uid:\s+65534\s`)
	wantFile(t, dir+"/omzmq.log", `msg="peer connected"`)
	from.stop(t)
	h.imzmq.stop(t)
	h.to.stop(t)
}

// A client whose copy of the server's key is wrong: the log says so, and docs/troubleshooting.md's commands show and
// end it, without a lost message.
func TestTroubleshootingPageWrongServerKey(t *testing.T) {
	t.Parallel()
	h := holdCeremony(t)
	const heading = "## Wrong key, refused connections"
	command := func(n int) string { return documented(t, troubleshootingPage, heading, "sh", n) }
	right, err := os.ReadFile(h.etc("web1", "server"))
	if err == nil {
		err = copyKey(h.etc("web1", "server"), h.etc("web1", "client"))
	}
	if err != nil {
		t.Fatal(err)
	}
	from := startRsyslogd(t, preamble+wayIn+toOmzmq(h.flags(t, "web1"), memoryQueue))
	from.logLines(t, "<13>while the key is wrong")
	h.imzmq.logged(t, `reason="wrong server key`)
	if err := os.WriteFile(h.etc("web1", "server"), right, 0o600); err != nil {
		t.Fatal(err)
	}
	printed := strings.ReplaceAll(h.on(t, "web1", command(0)), h.etc("web1", ""), keysFolder)
	want := regexp.QuoteMeta(documented(t, troubleshootingPage, heading, "text", 0))
	for _, line := range strings.Split(strings.TrimSpace(strings.ReplaceAll(want, "…", `\S{40}`)), "\n") { // grep has its own order
		if !regexp.MustCompile(`(?m)^` + line + `$`).MatchString(printed) {
			t.Errorf("grep prints\n%s\nwant %s", printed, line)
		}
	}
	if err := os.WriteFile(h.dir+"/pids", fmt.Append(nil, children(t, from.pid(), "omzmq")[0]), 0o600); err != nil {
		t.Fatal(err)
	}
	h.on(t, "web1", command(1))
	wantFile(t, h.to.file("out"), "<13>while the key is wrong\n")
	from.stop(t)
	h.imzmq.stop(t)
	h.to.stop(t)
}
