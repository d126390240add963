package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Root, whose PATH has no Go, installs what make build has left in bin/.
func TestInstallWithoutGo(t *testing.T) {
	t.Parallel()
	tree, tools, to := t.TempDir(), t.TempDir(), t.TempDir()
	for _, name := range []string{"make", "sh", "install", "chmod", "ln", "dirname"} {
		path, err := exec.LookPath(name)
		if err == nil {
			err = os.Symlink(path, filepath.Join(tools, name))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"Makefile", "packaging", "rsyslog.d"} {
		if err := os.Symlink(filepath.Join(repository(), name), filepath.Join(tree, name)); err != nil {
			t.Fatal(err)
		}
	}
	install := func() (string, error) {
		cmd := exec.Command(filepath.Join(tools, "make"), "install", "DESTDIR="+to)
		cmd.Dir, cmd.Env = tree, []string{"PATH=" + tools}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := install(); err == nil || !strings.Contains(out, "run make build first, as yourself") {
		t.Errorf("with an empty bin/: %v\n%s", err, out)
	}
	if err := os.Mkdir(filepath.Join(tree, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"omzmq", "imzmq", "zmqtap"} {
		if err := os.WriteFile(filepath.Join(tree, "bin", name), []byte("#!/bin/sh\necho $0 $*\n"), 0o700); err != nil { //nolint:gosec // it is executable
			t.Fatal(err)
		}
	}
	if out, err := install(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	const program = "#!/bin/sh\necho $0 $*\n"
	for path, want := range map[string]string{
		"usr/libexec/rsyslog/omzmq": program, "usr/libexec/rsyslog/imzmq": program, "usr/bin/zmqtap": program,
		"usr/share/man/man8/omzmq.8":        "bin/omzmq --manual\n",
		"usr/share/man/man8/imzmq.8":        "bin/imzmq --manual\n",
		"usr/share/man/man1/zmqtap.1":       "bin/zmqtap --manual\n",
		"usr/share/man/man1/zmqtap-serve.1": "bin/zmqtap serve --manual\n",
		"usr/share/man/man1/zmqtap-hub.1":   "bin/zmqtap hub --manual\n",
		"usr/share/man/man8/omzmq-status.8": "bin/omzmq status --manual\n",
		"usr/bin/omzmq":                     program, // a link

		"usr/share/bash-completion/completions/omzmq": "bin/omzmq status --completion bash\nbin/omzmq --completion bash\n",
		"usr/share/zsh/vendor-completions/_zmqtap": "bin/zmqtap serve --completion zsh\nbin/zmqtap hub --completion zsh\n" +
			"bin/zmqtap record --completion zsh\nbin/zmqtap replay --completion zsh\n" +
			"bin/zmqtap status --completion zsh\nbin/zmqtap --completion zsh\n",
		"usr/share/fish/vendor_completions.d/imzmq.fish": "bin/imzmq status --completion fish\nbin/imzmq --completion fish\n",
	} {
		text, err := os.ReadFile(filepath.Join(to, path))
		if err != nil || string(text) != want {
			t.Errorf("%s has %q, %v", path, text, err)
		}
	}
	for _, path := range []string{"usr/lib/systemd/system/imzmq@.service", "usr/lib/tmpfiles.d/rsyslog-zeromq.conf",
		"usr/share/man/man7/rsyslog-zeromq.7", "usr/share/doc/rsyslog-zeromq/examples/rsyslog.d/30-imzmq-relp.conf"} {
		if info, err := os.Stat(filepath.Join(to, path)); err != nil || info.Mode() != 0o644 {
			t.Errorf("%s: %v", path, err)
		}
	}
	toThisSystem(t, tools, tree)
}

// toThisSystem checks where make install goes without DESTDIR: its first command of install(1), which here only says
// so.
func toThisSystem(t *testing.T, tools, tree string) {
	t.Helper()
	stubs := t.TempDir()
	if err := os.WriteFile(filepath.Join(stubs, "install"), []byte("#!/bin/sh\necho install $*\nexit 7\n"), 0o700); err != nil { //nolint:gosec // it is executable
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(tools, "make"), "install")
	cmd.Dir, cmd.Env = tree, []string{"PATH=" + stubs + ":" + tools}
	out, err := cmd.CombinedOutput()
	if want := "install -D -m 755 -t /usr/libexec/rsyslog bin/omzmq bin/imzmq\n"; err == nil || !strings.Contains(string(out), want) {
		t.Errorf("without DESTDIR: %v, %s", err, out)
	}
}

// The manual pages are what groff takes without a warning, have every flag of the help, and name each other.
func TestManualPages(t *testing.T) {
	t.Parallel()
	commands := [][]string{{"omzmq"}, {"omzmq", "status"}, {"imzmq"}, {"imzmq", "status"}, {"zmqtap"}, {"zmqtap", "serve"},
		{"zmqtap", "hub"}, {"zmqtap", "record"}, {"zmqtap", "replay"}, {"zmqtap", "status"}}
	for _, command := range commands {
		words := func(flag string) string {
			t.Helper()
			out, err := exec.Command(program(command[0]), append(command[1:], flag)...).Output()
			if err != nil {
				t.Fatal(err)
			}
			return string(out)
		}
		cmd := exec.Command("groff", "-man", "-ww", "-Kutf8", "-Tutf8", "-P-cbou", "-rLL=200n")
		cmd.Stdin = strings.NewReader(words("--manual"))
		var page, warnings strings.Builder
		cmd.Stdout, cmd.Stderr = &page, &warnings
		if err := cmd.Run(); err != nil || warnings.Len() > 0 {
			t.Errorf("%q: %v\n%s", command, err, &warnings)
		}
		for _, flag := range regexp.MustCompile(`(?m)^ +(?:-h, )?(--[a-z-]+)`).FindAllStringSubmatch(words("--help"), -1) {
			if !regexp.MustCompile(`(?m)^ +(-h, )?` + flag[1] + `\b`).MatchString(page.String()) {
				t.Errorf("%q's page has no %s", command, flag[1])
			}
		}
		_, others, _ := strings.Cut(page.String(), "SEE ALSO")
		for _, other := range commands {
			if !strings.Contains(others, strings.Join(other, "-")+"(") {
				t.Errorf("%q's page does not name that of %q", command, other)
			}
		}
	}
}
