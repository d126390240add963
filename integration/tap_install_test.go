package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// docs/tap.md's five minutes: what is installed, the commands as they stand, and the unit as systemd reads it. Only
// the places are others: /etc, /usr and /run are in a folder. With systemd itself: integration/packages.
func TestTapPageInstalls(t *testing.T) {
	root := folder(t)
	if out, err := exec.Command(filepath.Join(repository(), "packaging/install"), built, root).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	within := func(text string) string { // the places are in root
		return strings.NewReplacer("/etc/", root+"/etc/", "/usr/share/", root+"/usr/share/", "/run/", root+"/run/").Replace(text)
	}
	script := within(pageBlock(t, "## In five minutes", "sh", 0) + pageBlock(t, "## In five minutes", "sh", 1))
	if code := typed(t, root, asRoot(t, root)+"set -e\n"+script).exit(t); code != 0 {
		t.Fatalf("the page's commands end with %d", code)
	}
	if asked := installed(t, root, "asked"); asked != "daemon-reload\nenable --now zmqtap-hub@main\nrestart rsyslog\n" {
		t.Errorf("systemctl is asked to %q", asked)
	}

	unit := strings.ReplaceAll(installed(t, root, "usr/lib/systemd/system/zmqtap-hub@.service"), "%i", "main")
	set := func(name string) string {
		return regexp.MustCompile(`(?m)^` + name + `=(.*)$`).FindStringSubmatch(unit)[1]
	}
	flags := strings.TrimPrefix(strings.TrimSpace(installed(t, root, set("EnvironmentFile"))), "FLAGS=")
	if err := os.MkdirAll(filepath.Join(root, "run", set("RuntimeDirectory")), 0o700); err != nil {
		t.Fatal(err)
	}
	hub := typed(t, root, "exec "+root+strings.ReplaceAll(set("ExecStart"), "$FLAGS", flags))
	hub.served(t)

	confs, err := filepath.Glob(root + "/etc/rsyslog.d/*.conf")
	if err != nil || len(confs) != 2 {
		t.Fatalf("%q are in /etc/rsyslog.d, %v", confs, err)
	}
	var conf strings.Builder
	for _, path := range confs {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		conf.Write(text)
	}
	from := startRsyslogd(t, likeDebian(strings.NewReplacer(packagedOmzmq, program("omzmq"), "/var/log/", "[dir]/",
		"/run/", root+"/run/").Replace(conf.String())))
	tap := typed(t, root, within(pageBlock(t, "## In five minutes", "sh", 2)))
	warmed(t, func() { from.logLines(t, loggedBy("sshd", "web1", "hello")) }, tap.some)
	from.stop(t)
	hub.stop(t)
}

// asRoot defines sudo, which runs its arguments, and systemctl, which writes its own into the file "asked" in dir.
func asRoot(t *testing.T, dir string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, "etc/rsyslog.d"), 0o700); err != nil { // which rsyslog's package has made
		t.Fatal(err)
	}
	return "sudo() { \"$@\"; }\nsystemctl() { echo \"$@\" >>" + dir + "/asked; }\n"
}

// installed reads a file that is at path in root.
func installed(t *testing.T, root, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
