package integration

import (
	"context"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/kafka/kafkatest"
)

// make demo loses nothing, and cleans up.
func TestDemo(t *testing.T) {
	t.Parallel() // it mostly waits
	demo(t, "run", `postfix mail\.err: "quoted" 100% of the Überraschung\n`)
}

// make demo-kafka loses nothing, shows records with headers, and cleans up.
func TestDemoKafka(t *testing.T) {
	t.Parallel() // it mostly waits
	kafkatest.Available(t)
	demo(t, "kafka", `\n +[012] \d+ +\d{13}\n +.*sender=[0-9a-f]{34},seq=1,`, `<19>1 .* postfix - - - "quoted" 100% of the Überraschung\n`)
}

// demo runs a script of demo/, which must print some expressions.
func demo(t *testing.T, script string, wanted ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(repository(), "demo", script))
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // it ends what it has started
	cmd.WaitDelay = 20 * time.Second
	said, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	for _, want := range append(wanted, `\n +sent +15003\n +arrived +15003\n +lost +0\n +repeated +`, `\nNothing was lost\.\n$`) {
		if !regexp.MustCompile(want).Match(said) {
			t.Errorf("it does not print %s:\n%s", want, said)
		}
	}
	folder := regexp.MustCompile(`/tmp/rsyslog-zeromq-demo\.\w+`).Find(said)
	if left, _ := filepath.Glob(string(folder)); len(folder) == 0 || len(left) > 0 {
		t.Errorf("its folder %q is left", folder)
	}
}
