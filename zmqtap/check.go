package main

import (
	"context"
	"io"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/check"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/flags"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// try tries what the flags of a command that subscribes ask for.
func (o *source) try(ctx context.Context, r *check.Report) { o.tryAs(ctx, r, zmq.Sub) }

// tryAs is try for a socket of a type.
func (o *source) tryAs(ctx context.Context, r *check.Report, typ zmq.Type) {
	check.Descriptors(r)
	check.HTTP(ctx, r, program, "--metrics", o.Metrics)
	if check.Secure(r, &o.Common) {
		s := check.Socket{Config: o.Socket(typ, nil), Connect: o.Connect, Bind: o.Bind, Program: program,
			ConnectFlag: "connect", BindFlag: "bind"}
		s.Try(ctx, r)
	}
}

func checkServe(ctx context.Context, o *source, web *webOptions, stdout io.Writer) error {
	try := func(ctx context.Context, r *check.Report) {
		o.try(ctx, r)
		web.try(ctx, r, &o.Common)
	}
	return check.Run(ctx, stdout, check.Program{Name: program}, "", &check.Subject{Try: try})
}

// try tries the address of HTTP, and the files that it needs.
func (o *webOptions) try(ctx context.Context, r *check.Report, common *flags.Common) {
	if o.address == "" {
		return
	}
	check.HTTP(ctx, r, program, "--http", o.address)
	o.Logger, o.Budget = r.Logger(), common.Budget()
	if _, err := o.server(); err != nil {
		r.Wrong(check.OtherFiles, "--http", "%v", err)
	}
}

// try tries what the flags of a hub ask for.
func (o *hubOptions) try(ctx context.Context, r *check.Report) {
	check.Descriptors(r)
	check.HTTP(ctx, r, program, "--metrics", o.Metrics)
	if check.Secure(r, &o.Common) {
		in := check.Socket{Config: o.Socket(zmq.XSub, nil), Connect: o.upstream, Bind: o.in, Program: program,
			ConnectFlag: "--in-connect", BindFlag: "--in"}
		in.Try(ctx, r)
		out := check.Socket{Config: o.Socket(zmq.XPub, nil), Bind: o.out, Program: program, BindFlag: "--out", ConnectFlag: "--connect"}
		out.Try(ctx, r)
	}
	if _, err := o.topics.read(r.Logger()); err != nil {
		r.Wrong(check.OtherFiles, "--curve-topics", "%v", err)
	}
	o.web.try(ctx, r, &o.Common)
}
