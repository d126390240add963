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

// Each example is run by a zmqtap that ends at once. An address that is in use here is not the example's fault.
func TestHelpExamples(t *testing.T) {
	over, cancel := context.WithCancel(t.Context())
	cancel()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	silent := log.NewWriter(null)
	for _, command := range [][]string{{}, {"serve"}, {"hub"}} {
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
		scripttest.Examples(t, name, string(help), func(args []string) error {
			called, err := run(over, append(command[:len(command):len(command)], args...), null, silent)
			var usage *flags.UsageError
			if errors.As(err, &usage) {
				return err
			}
			if called != name {
				t.Errorf("%q calls %q, and not %q", args, called, name)
			}
			return nil
		})
	}
}
