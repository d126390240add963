// Imzmq takes messages from ZeroMQ and puts them into rsyslog, or onto standard output. With --socket router
// it acknowledges each message to its sender, once the destination has it: improg's ACK, imrelp's 200 OK, a
// completed write. A slow destination stops the reading, and so the senders.
//
// Standard output carries messages alone; everything else goes to standard error. It exits with 0 after SIGTERM or when
// rsyslog closes its pipe, with 1 after a failure, with 2 when the command line is wrong.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/flags"
)

const program = "imzmq"

var version = "development" // set by the linker

func main() {
	signal.Ignore(syscall.SIGPIPE, syscall.SIGHUP) // the end of a pipe is for the program to see, not to be killed by
	ctx, stop := signal.NotifyContext(context.Background(), flags.StopSignals(signal.Ignored, os.Interrupt, syscall.SIGTERM)...)
	context.AfterFunc(ctx, stop) // a second signal kills
	os.Exit(flags.Exit(program, run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr), os.Stderr))
}
