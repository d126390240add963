package main

import (
	"context"
	"io"
	"slices"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/check"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/destination"
)

// checked does what --check says.
func checked(ctx context.Context, o *options, stdout io.Writer) error {
	p := check.Program{Name: program, Object: "input", Module: "improg", Parse: func(args []string) (*check.Subject, error) {
		o, err := parseOptions(args, io.Discard)
		if err != nil {
			return nil, err
		}
		return o.subject(), nil
	}}
	var own *check.Subject
	if len(o.Connect)+len(o.Bind) > 0 {
		own = o.subject()
	}
	return check.Run(ctx, stdout, p, o.Check.File, own)
}

// subject is what a check needs to know of the flags.
func (o *options) subject() *check.Subject {
	return &check.Subject{
		Try:       o.try,
		ByRsyslog: o.target.Kind == destination.Improg,
		Endpoints: slices.Concat(o.Connect, o.Bind),
		Binds:     len(o.Bind) > 0,
		Checks:    o.Check.Wanted,
		Linger:    o.Linger,
		RELP:      o.target.Address,
	}
}

// try tries what the flags ask for.
func (o *options) try(ctx context.Context, r *check.Report) {
	check.Descriptors(r)
	check.HTTP(ctx, r, program, "--metrics", o.Metrics)
	if check.Secure(r, &o.Common) {
		s := check.Socket{Config: o.Socket(o.socketType, nil), Connect: o.Connect, Bind: o.Bind, Program: program}
		s.Try(ctx, r)
	}
	check.Destination(ctx, r, o.target, destination.Config{Reconnect: o.Reconnect, ReconnectMax: o.ReconnectMax, Redis: o.redis, Kafka: o.kafka})
}
