// Zmqtap looks into a live stream of log messages. It never slows a publisher: who reads too slowly misses messages, and is told how many.
//
//	zmqtap ENDPOINT...                        prints the stream, for people and for pipes
//	zmqtap serve --http ADDR ENDPOINT...      serves it over HTTP: plain text, Server-Sent Events, a page
//	zmqtap hub --in ENDPOINT --out ENDPOINT   joins many publishers with many subscribers
//
// Standard output carries messages alone; everything else goes to standard error. It exits with 0 after SIGINT, SIGTERM, SIGHUP, --count, --for, or when
// nobody reads its output any more; with 1 after a failure; with 2 when the command line is wrong.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/flags"
)

const program = "zmqtap"

var version = "development" // set by the linker

func main() {
	signal.Ignore(syscall.SIGPIPE) // the end of a pipe is for the program to see, not to be killed by
	ends := flags.StopSignals(signal.Ignored, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // as nohup does
		ends = append(ends, syscall.SIGHUP) // its terminal is gone, whatever it writes to
	}
	ctx, stop := signal.NotifyContext(context.Background(), ends...)
	context.AfterFunc(ctx, stop) // a second signal kills
	name, err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	os.Exit(flags.Exit(name, err, os.Stderr))
}

// run does what the first argument says. It returns the name of that, too, for who has to say what went wrong.
func run(ctx context.Context, args []string, stdout, stderr *os.File) (name string, err error) {
	commands := map[string]func(context.Context, []string, *os.File, *os.File) error{"serve": runServe, "hub": runHub}
	if len(args) > 0 {
		if command, known := commands[args[0]]; known {
			return program + " " + args[0], command(ctx, args[1:], stdout, stderr)
		}
	}
	return program, runPrint(ctx, args, stdout, stderr)
}
