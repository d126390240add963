package main

import (
	"context"
	"os"
	"strings"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/flags"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/log"
)

// commands are the words that may come first.
var commands = []flags.Command{
	{Name: "serve", Arguments: " --http ADDR ENDPOINT...", Purpose: "serve it over HTTP, with a page"},
	{Name: "hub", Arguments: " --in ENDPOINT --out ENDPOINT", Purpose: "join publishers and subscribers"},
	{Name: "record", Arguments: " FILE ENDPOINT...", Purpose: "record it in a file"},
	{Name: "replay", Arguments: " FILE [--bind ENDPOINT]", Purpose: "print or publish a recording"},
	{Name: "status", Arguments: " [ADDRESS]...", Purpose: "show how the running ones are"},
	{Name: "help", Arguments: " [COMMAND]", Purpose: "print this help, or a command's"},
}

// run runs the command that the first argument names. It also returns the command's full name, for error messages.
func run(ctx context.Context, args []string, stdout *os.File, stderr *log.Writer) (name string, err error) {
	if len(args) > 0 && args[0] == "help" { // of a command, too
		args = append(args[1:], "--help")
	}
	if len(args) > 0 {
		command, known := map[string]func(context.Context, []string, *os.File, *log.Writer) error{
			"serve": runServe, "hub": runHub, "record": runRecord, "replay": runReplay, "status": runStatus}[args[0]]
		if known {
			return program + " " + args[0], command(ctx, args[1:], stdout, stderr)
		}
		if near := nearCommand(args[0]); near != "" {
			return program, flags.Usage("%q is neither a command nor an endpoint: did you mean %s %s?", args[0], program, near)
		}
	}
	return program, runPrint(ctx, args, stdout, stderr)
}

// nearCommand returns the command that a first argument, which is none, may be meant for; "": none.
func nearCommand(arg string) string {
	if strings.HasPrefix(arg, "-") {
		return ""
	}
	about := flags.Program{Commands: commands}
	return flags.Near(arg, about.CommandNames())
}

func runStatus(ctx context.Context, args []string, stdout *os.File, _ *log.Writer) error {
	return flags.Status(ctx, program, version, args, stdout)
}
