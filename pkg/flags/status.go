package flags

import (
	"context"
	"errors"
	"io"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/listen"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/status"
)

// Status is the command status of a program: it asks those that run, and prints what they say. It returns
// status.ErrNotWell if not all is well.
func Status(ctx context.Context, program, version string, args []string, stdout io.Writer) error {
	err := askRunning(ctx, program, version, args, stdout)
	if usage := (*UsageError)(nil); errors.As(err, &usage) {
		usage.Of = program + " status"
	}
	return err
}

func askRunning(ctx context.Context, program, version string, args []string, stdout io.Writer) error {
	q := status.Question{Program: program}
	c := &Common{Arguments: AddressArguments, shared: newSet(program + " status"), version: version}
	c.program = Program{
		Name:   program + " status",
		Plugin: program != "zmqtap",
		Summary: "Shows whether the running " + program + " are well: what is connected, what waits, what failed and why.\n" +
			"The exit code is 0 if all is well, and 1 if not, or if none is running. " +
			"It finds those of this host; they answer root and the user that runs them. " +
			"Those elsewhere are asked at the ADDRESS of their --metrics.",
		Examples: []Example{
			{Purpose: "What runs on this host", Command: program + " status"},
			{Purpose: "A program on another host, for a script", Command: program + " status --json 192.0.2.7:9144"},
		},
	}
	fs := newSet(c.program.Name)
	fs.BoolVar(&q.JSON, "json", false, "print one object of JSON")
	if program == "omzmq" {
		fs.StringVar(&q.Journal, "journal", "", "look into this `folder` of journals, too: also if no omzmq is running")
	}
	addStandard(c.shared)
	fs.AddFlagSet(c.shared)
	if err := fs.Parse(args); err != nil {
		return wrongFlags(fs, err)
	}
	if err := c.printed(fs, stdout); err != nil {
		return err
	}
	for _, address := range fs.Args() {
		if _, _, err := listen.Address(address); err != nil {
			return Usage("ADDRESS %q: %w", address, err)
		}
	}
	q.Addresses = fs.Args()
	return q.Print(ctx, stdout)
}
