package integration

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// The packages for this machine's architecture, as files. In systems of their own, with systemd: integration/packages.

// buildPackages builds the deb and the rpm of a version. settings are of the environment.
func buildPackages(t *testing.T, settings ...string) (deb, rpm string) {
	t.Helper()
	dist := t.TempDir()
	arch, err := exec.Command("go", "env", "GOHOSTARCH").Output()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", `umask "$UMASK" && exec packaging/build "$1"`, "sh", strings.TrimSpace(string(arch)))
	cmd.Dir = repository()
	cmd.Env = append(os.Environ(), append(settings, "VERSION=v1.2.3-4-gabcdef0", "SOURCE_DATE_EPOCH=1767225600", "DIST="+dist)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	find := func(pattern string) string {
		found, err := filepath.Glob(filepath.Join(dist, pattern))
		if err != nil || len(found) != 1 {
			t.Fatalf("%s: %q, %v", pattern, found, err)
		}
		return found[0]
	}
	return find("rsyslog-zeromq_1.2.3+4+gabcdef0-1_*.deb"), find("rsyslog-zeromq-1.2.3+4+gabcdef0-1.*.rpm")
}

// printed runs a command and returns its standard output.
func printed(t *testing.T, name string, args ...string) string {
	t.Helper()
	var errors bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stderr = &errors
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, &errors)
	}
	return string(out)
}

// packaged are the files of both packages, where they are the same, with the mode of each.
var packaged = map[string]string{
	"/etc/logrotate.d/rsyslog-zeromq":                                             "-rw-r--r--",
	"/usr/bin/imzmq":                                                              "l",
	"/usr/bin/omzmq":                                                              "l",
	"/usr/bin/zmqtap":                                                             "-rwxr-xr-x",
	"/usr/lib/systemd/system/imzmq@.service":                                      "-rw-r--r--",
	"/usr/lib/systemd/system/omzmq-relp@.service":                                 "-rw-r--r--",
	"/usr/lib/systemd/system/zmqtap-hub@.service":                                 "-rw-r--r--",
	"/usr/lib/systemd/system/zmqtap-serve@.service":                               "-rw-r--r--",
	"/usr/lib/tmpfiles.d/rsyslog-zeromq.conf":                                     "-rw-r--r--",
	"/usr/libexec/rsyslog/imzmq":                                                  "-rwxr-xr-x",
	"/usr/libexec/rsyslog/omzmq":                                                  "-rwxr-xr-x",
	"/usr/share/bash-completion/completions/zmqtap":                               "-rw-r--r--",
	"/usr/share/doc/rsyslog-zeromq/changelog.gz":                                  "-rw-r--r--",
	"/usr/share/doc/rsyslog-zeromq/examples/rsyslog.d/30-omzmq-acknowledged.conf": "-rw-r--r--",
	"/usr/share/doc/rsyslog-zeromq/examples/systemd/imzmq-kafka.service":          "-rw-r--r--",
	"/usr/share/doc/rsyslog-zeromq/examples/grafana/rsyslog-zeromq.json":          "-rw-r--r--",
	"/usr/share/man/man8/imzmq-status.8.gz":                                       "-rw-r--r--",
	"/usr/share/fish/vendor_completions.d/zmqtap.fish":                            "-rw-r--r--",
	"/usr/share/man/man1/zmqtap-hub.1.gz":                                         "-rw-r--r--",
	"/usr/share/man/man1/zmqtap-record.1.gz":                                      "-rw-r--r--",
	"/usr/share/man/man1/zmqtap-replay.1.gz":                                      "-rw-r--r--",
	"/usr/share/man/man1/zmqtap-serve.1.gz":                                       "-rw-r--r--",
	"/usr/share/man/man1/zmqtap.1.gz":                                             "-rw-r--r--",
	"/usr/share/man/man7/rsyslog-zeromq.7.gz":                                     "-rw-r--r--",
	"/usr/share/man/man8/imzmq.8.gz":                                              "-rw-r--r--",
	"/usr/share/man/man8/omzmq.8.gz":                                              "-rw-r--r--",
}

// wantFiles checks a listing as `ls -l` has it, of which the fields mode and name, which may be followed by a link's
// destination, have the given numbers.
func wantFiles(t *testing.T, listing string, name int, more ...string) {
	t.Helper()
	modes := make(map[string]string)
	for line := range strings.Lines(listing) {
		if f := strings.Fields(line); len(f) > name {
			modes[strings.TrimPrefix(f[name], ".")] = f[0]
			if strings.HasPrefix(f[0], "l") && !strings.HasPrefix(line[strings.Index(line, " -> "):], " -> ../libexec/rsyslog/") {
				t.Errorf("a link elsewhere: %s", line)
			}
		}
	}
	for file, mode := range packaged {
		if !strings.HasPrefix(modes[file], mode) {
			t.Errorf("%s: %q, want %q", file, modes[file], mode)
		}
	}
	for _, file := range more {
		if modes[file] == "" {
			t.Errorf("%s is missing", file)
		}
	}
}

// Each page that is installed is in the list of docs/packages.md, and is seen also in rsyslog-zeromq(7).
func TestManualPagesAreNamed(t *testing.T) {
	t.Parallel()
	pages := regexp.MustCompile(`(?m)^page (\d) (\w+)(?: (\w+))?$`).FindAllStringSubmatch(source(t, "packaging/install"), -1)
	if len(pages) < 8 {
		t.Fatalf("only %d pages", len(pages))
	}
	overview := strings.ReplaceAll(source(t, "packaging/rsyslog-zeromq.7"), `\-`, "-")
	_, also, _ := strings.Cut(overview, ".SH SEE ALSO")
	for _, p := range pages {
		name := strings.TrimSuffix(p[2]+"-"+p[3], "-")
		if !strings.Contains(also, ".BR "+name+" ("+p[1]+")") {
			t.Errorf("rsyslog-zeromq(7) lacks %s(%s)", name, p[1])
		}
		if !strings.Contains(source(t, "docs/packages.md"), name+"("+p[1]+")") {
			t.Errorf("docs/packages.md lacks %s(%s)", name, p[1])
		}
	}
}

// The same source gives the same bytes, whoever builds it, where and when.
func TestPackages(t *testing.T) {
	t.Parallel()
	var deb, rpm, again, rpmAgain string
	var builds sync.WaitGroup
	builds.Go(func() { deb, rpm = buildPackages(t, "UMASK=022") })
	builds.Go(func() {
		again, rpmAgain = buildPackages(t, "UMASK=077", "TZ=Asia/Kathmandu", "LC_ALL=C.UTF-8", "TMPDIR="+t.TempDir())
	})
	builds.Wait()
	if t.Failed() {
		return
	}
	for file, same := range map[string]string{deb: again, rpm: rpmAgain} {
		a, err := os.ReadFile(file)
		b, errB := os.ReadFile(same)
		if err != nil || errB != nil || !bytes.Equal(a, b) {
			t.Errorf("%s is not the same again: %v, %v", filepath.Base(file), err, errB)
		}
	}
	t.Run("deb", func(t *testing.T) { wantDeb(t, deb) })
	t.Run("rpm", func(t *testing.T) { wantRPM(t, rpm) })
}

func wantDeb(t *testing.T, deb string) {
	wantFiles(t, printed(t, "dpkg-deb", "-c", deb), 5, "/etc/rsyslog-zeromq/", "/etc/apparmor.d/rsyslog.d/rsyslog-zeromq",
		"/usr/share/doc/rsyslog-zeromq/copyright", "/usr/share/doc/rsyslog-zeromq/changelog.Debian.gz",
		"/usr/share/zsh/vendor-completions/_zmqtap")
	to := t.TempDir()
	printed(t, "dpkg-deb", "-R", deb, to)
	for _, name := range []string{"postinst", "prerm", "postrm"} {
		printed(t, "sh", "-n", filepath.Join(to, "DEBIAN", name))
	}
	conffiles, err := os.ReadFile(filepath.Join(to, "DEBIAN/conffiles"))
	if want := "/etc/apparmor.d/rsyslog.d/rsyslog-zeromq\n/etc/logrotate.d/rsyslog-zeromq\n"; err != nil || string(conffiles) != want {
		t.Errorf("conffiles: %q, %v", conffiles, err)
	}
	if got := printed(t, filepath.Join(to, "usr/bin/omzmq"), "--version"); got != "omzmq v1.2.3-4-gabcdef0\n" {
		t.Errorf("%q", got)
	}
	wantLicences(t, filepath.Join(to, "usr/share/doc/rsyslog-zeromq/copyright"))
	wantUnitsStart(t, to)
	wantAppArmor(t, filepath.Join(to, "etc/apparmor.d/rsyslog.d/rsyslog-zeromq"))
}

func wantRPM(t *testing.T, rpm string) {
	wantFiles(t, printed(t, "rpm", "-qp", "--qf", "[%{FILEMODES:perms} %{FILENAMES} -> %{FILELINKTOS}\n]", rpm), 1,
		"/usr/share/licenses/rsyslog-zeromq/LICENSE", "/usr/share/licenses/rsyslog-zeromq/LICENSES", "/usr/share/zsh/site-functions/_zmqtap")
	if scripts := printed(t, "rpm", "-qp", "--scripts", rpm); strings.Count(scripts, "scriptlet (using /bin/sh)") != 3 {
		t.Errorf("%s", scripts)
	}
	if config := printed(t, "rpm", "-qpc", rpm); config != "/etc/logrotate.d/rsyslog-zeromq\n" {
		t.Errorf("configuration: %q", config)
	}
}

// wantLicences checks that every module whose code is in the programs has its licence in the file.
func wantLicences(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	modules := strings.Fields(printed(t, "go", "list", "-C", repository(), "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}}{{end}}{{end}}",
		"./omzmq", "./imzmq", "./zmqtap"))
	slices.Sort(modules)
	for _, module := range slices.Compact(modules) {
		if !regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(module) + ` v\S+, LICENSE`).Match(text) {
			t.Errorf("the licence of %s is missing", module)
		}
	}
}

// wantUnitsStart checks that what the units start is in the package.
func wantUnitsStart(t *testing.T, root string) {
	t.Helper()
	units, err := filepath.Glob(filepath.Join(root, "usr/lib/systemd/system/*"))
	if err != nil || len(units) != 4 {
		t.Fatalf("%q, %v", units, err)
	}
	for _, unit := range units {
		text, err := os.ReadFile(unit)
		if err != nil {
			t.Fatal(err)
		}
		name, _, _ := strings.Cut(filepath.Base(unit), "@")
		for _, want := range []string{"Type=notify", "EnvironmentFile=/etc/rsyslog-zeromq/" + name + "-%i.env", "WatchdogSec=30", "DynamicUser=yes"} {
			if !strings.Contains(string(text), "\n"+want+"\n") {
				t.Errorf("%s lacks %s", name, want)
			}
		}
		command := regexp.MustCompile(`(?m)^ExecStart=(\S+)`).FindSubmatch(text)
		if info, err := os.Stat(filepath.Join(root, string(command[1]))); err != nil || info.Mode()&fs.ModePerm != 0o755 {
			t.Errorf("%s: %v", command[1], err)
		}
	}
}

// wantAppArmor has the parser read the rules in a profile like Ubuntu's, without loading it.
func wantAppArmor(t *testing.T, file string) {
	t.Helper()
	profile := filepath.Join(t.TempDir(), "profile")
	text := fmt.Sprintf("#include <tunables/global>\nprofile rsyslogd /usr/sbin/rsyslogd {\n\t#include <abstractions/base>\n\tinclude \"%s\"\n}\n", file)
	if err := os.WriteFile(profile, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	printed(t, "apparmor_parser", "--skip-kernel-load", "--skip-cache", profile)
}
