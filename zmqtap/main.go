// Zmqtap looks into a live stream of log messages. It never slows a publisher: a reader that is too slow
// misses messages, and learns how many.
//
//	zmqtap ENDPOINT...                        prints the stream, for people and for pipes
//	zmqtap serve --http ADDR ENDPOINT...      serves it over HTTP: plain text, Server-Sent Events, a page
//	zmqtap hub --in ENDPOINT --out ENDPOINT   joins many publishers with many subscribers
//	zmqtap record FILE ENDPOINT...            keeps it in a file
//	zmqtap replay FILE [--bind ENDPOINT]      prints or publishes it again, at its pace or another one
//	zmqtap status                             shows how the running ones are
//	zmqtap help [COMMAND]                     prints the help
//
// Standard output carries only messages; everything else goes to standard error. The exit code is 0 after SIGINT,
// SIGTERM, SIGHUP, --count or --for, or when standard output has been closed; 1 after a failure; 2 if the command line
// is wrong. With a folder of --curve-clients, --curve-topics or --http-tokens, SIGHUP ends zmqtap only if its terminal
// has gone.
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

const program = "zmqtap"

var version = "development" // set by the linker

func main() {
	signal.Ignore(syscall.SIGPIPE) // a closed pipe is a write error, and must not kill the program
	ends := flags.StopSignals(signal.Ignored, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // nohup ignores it
		ends = append(ends, syscall.SIGHUP) // the terminal is gone
	}
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	context.AfterFunc(ctx, func() { time.AfterFunc(flags.SameSignal, stop) }) // then another signal kills
	stderr := log.NewWriter(os.Stderr)
	name, err := run(ctx, os.Args[1:], os.Stdout, stderr)
	os.Exit(flags.Exit(name, err, stderr))
}
