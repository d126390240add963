// Omzmq moves log messages from rsyslog into ZeroMQ. rsyslog starts it through omprog and writes one message a line
// to its standard input; what omzmq answers on standard output is what rsyslog's queue lives by, so OK means
// what --confirm says, and nothing less:
//
//	stored     the receiving program has said that it stored the message (--socket dealer)
//	received   the peer's kernel has acknowledged every byte
//	sent       the message was given to the sockets of the peers that want it
//
// Standard output carries the conversation alone; everything else goes to standard error. It exits with 0 after
// end of file or SIGTERM when nothing is left unconfirmed, with 1 after a failure, with 2 when the command line is wrong.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/flags"
)

const program = "omzmq"

var version = "development" // set by the linker

func main() {
	signal.Ignore(syscall.SIGPIPE, syscall.SIGHUP) // a log that nobody reads must not end what drains, nor omprog's hup.signal
	ctx, stop := signal.NotifyContext(context.Background(), flags.StopSignals(signal.Ignored, os.Interrupt, syscall.SIGTERM)...)
	context.AfterFunc(ctx, stop) // a second signal kills
	os.Exit(flags.Exit(program, run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr), os.Stderr))
}
