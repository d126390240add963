// Imzmq takes messages from ZeroMQ and puts them into rsyslog, into Redis or Kafka, or onto standard output. With
// --socket router it acknowledges each message to its sender once the destination has it: after improg's
// ACK, imrelp's 200 OK, Redis's or Kafka's reply, or a completed write. A slow destination stops the reading and thus
// the senders.
//
// Standard output carries only messages; everything else goes to standard error. The exit code is 0 after
// SIGTERM or when rsyslog closes its pipe, 1 after a failure, 2 when the command line is wrong.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/flags"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/log"
)

const program = "imzmq"

var version = "development" // set by the linker

func main() {
	signal.Ignore(syscall.SIGPIPE, syscall.SIGHUP) // the program handles the end of a pipe itself
	signals := flags.StopSignals(signal.Ignored, os.Interrupt, syscall.SIGTERM)
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	context.AfterFunc(ctx, func() { time.AfterFunc(flags.SameSignal, stop) }) // then another signal kills
	stderr := log.NewWriter(os.Stderr)
	os.Exit(flags.Exit(program, run(ctx, os.Args[1:], os.Stdin, os.Stdout, stderr), stderr))
}

// hangups returns a channel that delivers SIGHUP, which from then on no longer ends the program.
func hangups() <-chan os.Signal {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGHUP)
	return c
}
