package main

import (
	"log/slog"
	"os"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/log"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/terminal"
)

// markOwn makes the lines that the program writes to standard error begin with message.Own, which no message's line
// does, if a person sees both: standard error is a terminal, or goes where standard output goes.
func (o *printOptions) markOwn(stdout *os.File, stderr *log.Writer) {
	out, err := stdout.Stat()
	if err != nil {
		return
	}
	of, err := stderr.File().Stat()
	if err != nil || (!terminal.IsTerminal(stderr.File()) && !os.SameFile(out, of)) {
		return
	}
	mark(stderr, o.colored(stderr.File()))
}

func mark(stderr *log.Writer, colored bool) {
	if colored {
		stderr.Mark(terminal.Own)
	} else {
		stderr.Mark(message.Own)
	}
}

// peerConnected is what a socket logs of a connection. Greet says it to people.
const peerConnected = "peer connected"

// logger returns the program's log. On a terminal, it is in words; forPeople reports that.
func (o *source) logger(stderr *log.Writer) (logger *slog.Logger, forPeople bool) {
	if !terminal.IsTerminal(stderr.File()) || o.logFormatGiven {
		return o.Logger(stderr), false
	}
	words := &terminal.Words{Out: stderr, Level: o.Level(), Without: []string{peerConnected}}
	return o.LoggerOf(words, stderr), true
}
