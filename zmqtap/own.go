package main

import (
	"os"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/log"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/terminal"
)

// markOwn makes the lines that the program writes to standard error begin with message.Own, which no message's line
// does, if a person sees both: standard error is a terminal, or goes where standard output goes.
func markOwn(stdout *os.File, stderr *log.Writer, noColor bool) {
	out, err := stdout.Stat()
	if err != nil {
		return
	}
	of, err := stderr.File().Stat()
	if err != nil || (!terminal.IsTerminal(stderr.File()) && !os.SameFile(out, of)) {
		return
	}
	if terminal.ColorWanted(stderr.File(), noColor, os.Getenv) {
		stderr.Mark(terminal.Own)
	} else {
		stderr.Mark(message.Own)
	}
}
