package main

import (
	"testing"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/flags/scripttest"
)

func TestMain(m *testing.M) { scripttest.Main(m, program, main) }

// TestScripts checks the command line: flags, exit codes, and what is written to which stream. Conversations with real
// peers are in the integration tests.
func TestScripts(t *testing.T) { scripttest.Run(t) }
