package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/flags"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/flags/scripttest"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/log"
)

// Each example is run by a zmqtap that ends at once, and so are the bounds of each flag. An address that is in use here
// is not the example's fault.
func TestHelp(t *testing.T) {
	over, cancel := context.WithCancel(t.Context())
	cancel()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	silent := log.NewWriter(null)
	t.Chdir(t.TempDir()) // examples of record make files
	const free = "127.0.0.1:0"
	for _, test := range []struct{ command, base []string }{
		{nil, []string{"tcp://127.0.0.1:1"}},
		{[]string{"serve"}, []string{"--http", free, "tcp://127.0.0.1:1"}},
		{[]string{"hub"}, []string{"--in", "tcp://" + free, "--http", free}},
		{[]string{"record"}, []string{"-", "tcp://127.0.0.1:1"}},
		{[]string{"replay"}, []string{"none"}},
	} {
		command := test.command
		file := filepath.Join(t.TempDir(), "help")
		stdout, err := os.Create(file)
		if err != nil {
			t.Fatal(err)
		}
		defer stdout.Close()
		name, err := run(over, append(command, "--help"), stdout, silent)
		if !errors.Is(err, flags.ErrHelp) {
			t.Fatal(err)
		}
		help, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		take := func(args []string) error {
			called, err := run(over, append(command[:len(command):len(command)], args...), null, silent)
			var usage *flags.UsageError
			if errors.As(err, &usage) {
				return err
			}
			if called != name {
				t.Errorf("%q calls %q, and not %q", args, called, name)
			}
			return nil
		}
		scripttest.Examples(t, name, string(help), take)
		scripttest.Bounds(t, string(help), test.base, take)
	}
}
