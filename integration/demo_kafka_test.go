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

// make demo-kafka loses nothing, shows records with headers, and cleans up.
func TestDemoKafka(t *testing.T) {
	t.Parallel() // it mostly waits
	kafkatest.Available(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(repository(), "demo", "kafka"))
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // it ends what it has started
	cmd.WaitDelay = 20 * time.Second
	said, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	for _, wanted := range []string{
		`\n +sent +15003\n +arrived +15003\n +lost +0\n +repeated +`,
		`\n +[012] \d+ +\d{13}\n +.*sender=[0-9a-f]{34},seq=1,`,
		`<19>1 .* postfix - - - "quoted" 100% of the Überraschung\n`, `\nNothing was lost\.\n$`,
	} {
		if !regexp.MustCompile(wanted).Match(said) {
			t.Errorf("it does not print %s:\n%s", wanted, said)
		}
	}
	folder := regexp.MustCompile(`/tmp/rsyslog-zeromq-demo\.\w+`).Find(said)
	if left, _ := filepath.Glob(string(folder)); len(folder) == 0 || len(left) > 0 {
		t.Errorf("its folder %q is left", folder)
	}
}
