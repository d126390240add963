package main

import (
	"context"
	"io"
	"slices"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/check"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/delivery"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// checked does what --check says.
func checked(ctx context.Context, o *options, stdout io.Writer) error {
	p := check.Program{Name: program, Object: "action", Module: "omprog", Parse: func(args []string) (*check.Subject, error) {
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
		Try:         o.try,
		ByRsyslog:   o.relp == "",
		Endpoints:   slices.Concat(o.Connect, o.Bind),
		Binds:       len(o.Bind) > 0,
		Journal:     o.journal,
		Owes:        o.socketType != zmq.Pub,
		Stored:      o.confirmLevel == delivery.Stored,
		Checks:      o.Check.Wanted,
		Linger:      o.Linger,
		SendTimeout: o.sendTimeout,
		Marks:       [2]string{o.beginMark, o.commitMark},
		RELP:        o.relp,
	}
}

// try tries what the flags ask for. The sender id is a new one, of which no receiver keeps anything.
func (o *options) try(ctx context.Context, r *check.Report) {
	check.Descriptors(r)
	check.HTTP(ctx, r, program, "--metrics", o.Metrics)
	if o.journal != "" {
		check.Journal(r, o.journal)
	}
	if o.relp != "" {
		check.Bind(ctx, r, program, "--relp "+o.relp, o.relp, "tcp", o.relp)
	}
	if !check.Secure(r, &o.Common) {
		return
	}
	s := check.Socket{Config: o.Socket(o.socketType, nil), Connect: o.Connect, Bind: o.Bind, Program: program}
	if o.confirmLevel == delivery.Stored {
		id := delivery.NewSenderID()
		s.Only, s.Config.Identity = zmq.Router, id[:]
		s.Config.Properties = []zmq.Property{{Name: delivery.InstanceProperty, Value: o.instance}}
	}
	s.Try(ctx, r)
}
