package main

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/flags"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/flags/scripttest"
)

func TestHelpExamples(t *testing.T) {
	var help bytes.Buffer
	if _, err := parseOptions([]string{"--help"}, &help); !errors.Is(err, flags.ErrHelp) {
		t.Fatal(err)
	}
	scripttest.Examples(t, program, help.String(), func(args []string) error {
		_, err := parseOptions(args, io.Discard)
		return err
	})
}

func TestBounds(t *testing.T) {
	var help bytes.Buffer
	if _, err := parseOptions([]string{"--help"}, &help); !errors.Is(err, flags.ErrHelp) {
		t.Fatal(err)
	}
	scripttest.Bounds(t, help.String(), []string{"--bind", "tcp://*:5555"}, func(args []string) error {
		_, err := parseOptions(args, io.Discard)
		return err
	})
}
