// Omzmq moves log messages from rsyslog into ZeroMQ. rsyslog starts it through omprog and writes one message per
// line to its standard input. With --relp it is a server instead, which takes messages from rsyslog's omrelp. rsyslog's
// queue relies on what omzmq answers. Therefore OK means what --confirm says, and nothing less:
//
//	stored     the receiving program has answered that it stored the message (--socket dealer)
//	received   the peer's kernel has acknowledged every byte
//	sent       the message was given to the sockets of the peers that want it
//
// Standard output carries only the conversation; everything else goes to standard error. The exit code is 0 after
// end of file or SIGTERM when everything is confirmed or journaled, 1 after a failure, and 2 when the command line
// is wrong.
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

const program = "omzmq"

var version = "development" // set by the linker

func main() {
	// Neither a log that is not read nor omprog's hup.signal may end a program that drains.
	signal.Ignore(syscall.SIGPIPE, syscall.SIGHUP)
	ctx, stop := signal.NotifyContext(context.Background(), flags.StopSignals(signal.Ignored, os.Interrupt, syscall.SIGTERM)...)
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
