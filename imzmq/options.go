package main

import (
	"io"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/destination"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/flags"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// options is what the command line says.
type options struct {
	flags.Common
	socket    string
	ack       bool
	subscribe []string
	to        string
	format    string
	batch     int
	delay     time.Duration

	socketType zmq.Type
	target     destination.Target
	encoding   destination.Format
}

func parseOptions(args []string, stdout io.Writer) (*options, error) {
	o := &options{}
	fs := flags.NewSet(program, "Takes messages from ZeroMQ into rsyslog (improg, RELP) or onto standard output.", &o.Common)
	fs.StringVar(&o.socket, "socket", "router", "router, pull or sub")
	fs.BoolVar(&o.ack, "ack", true, "router: acknowledge to the sender once stored; --ack=false takes plain DEALER messages")
	fs.StringArrayVar(&o.subscribe, "subscribe", nil, "sub: take messages whose first frame begins with this `prefix` (repeatable; default everything)")
	fs.StringVar(&o.to, "to", "improg", "`destination`: improg, - (lines on standard output) or relp://host:port")
	fs.StringVar(&o.format, "format", "raw", "raw (the payload) or json (one line, safe for binary and newlines)")
	fs.IntVar(&o.batch, "batch", 1000, "most `messages` per write to the destination")
	fs.DurationVar(&o.delay, "batch-delay", 2*time.Millisecond, "longest wait to fill a batch; senders that wait for an acknowledgement are not kept waiting")
	if err := o.Parse(fs, version, args, stdout); err != nil {
		return nil, err
	}
	switch o.socket {
	case "router":
		o.socketType = zmq.Router
	case "pull":
		o.socketType = zmq.Pull
	case "sub":
		o.socketType = zmq.Sub
	default:
		return nil, flags.Usage("--socket %q: write router, pull or sub", o.socket)
	}
	if fs.Changed("ack") && o.socketType != zmq.Router {
		return nil, flags.Usage("--ack needs --socket router: only a router can answer")
	}
	if fs.Changed("subscribe") && o.socketType != zmq.Sub {
		return nil, flags.Usage("--subscribe needs --socket sub")
	}
	return o, o.resolveDestination()
}

func (o *options) resolveDestination() error {
	var err error
	if o.target, err = destination.Parse(o.to); err != nil {
		return flags.Usage("--to: %w", err)
	}
	if o.encoding, err = destination.ParseFormat(o.format); err != nil {
		return flags.Usage("--format: %w", err)
	}
	if o.batch < 1 || o.delay < 0 {
		return flags.Usage("--batch %d and --batch-delay %v: at least 1 message, and no negative wait", o.batch, o.delay)
	}
	return nil
}
