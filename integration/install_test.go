package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Root, whose PATH has no Go, installs what make build has left in bin/.
func TestInstallWithoutGo(t *testing.T) {
	t.Parallel()
	tree, tools, to := t.TempDir(), t.TempDir(), t.TempDir()
	for _, name := range []string{"make", "sh", "install"} {
		path, err := exec.LookPath(name)
		if err == nil {
			err = os.Symlink(path, filepath.Join(tools, name))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	makefile, err := os.ReadFile(filepath.Join(repository(), "Makefile"))
	if err == nil {
		err = os.WriteFile(filepath.Join(tree, "Makefile"), makefile, 0o600)
	}
	if err != nil {
		t.Fatal(err)
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
		if err := os.WriteFile(filepath.Join(tree, "bin", name), []byte(name), 0o700); err != nil { //nolint:gosec // it is executable
			t.Fatal(err)
		}
	}
	if out, err := install(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, path := range []string{"usr/libexec/rsyslog/omzmq", "usr/libexec/rsyslog/imzmq", "usr/bin/zmqtap"} {
		text, err := os.ReadFile(filepath.Join(to, path))
		if err != nil || string(text) != filepath.Base(path) {
			t.Errorf("%s has %q, %v", path, text, err)
		}
	}
}
