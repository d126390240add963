package main

import (
	"cmp"
	"context"
	"os"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/flags"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/log"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/status"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

func parseServe(args []string, stdout *os.File) (*source, *webOptions, error) {
	o, web := &source{}, &webOptions{}
	fs := flags.NewSet(flags.Program{
		Name:    program + " serve",
		Summary: "Serves the stream over HTTP: GET /stream as plain text or Server-Sent Events, GET / as a page for people.",
		Examples: []flags.Example{
			{Purpose: "For this host; the page is at http://127.0.0.1:8080/",
				Command: "zmqtap serve --http 127.0.0.1:8080 tcp://127.0.0.1:5556"},
			{Purpose: "A part of the stream, at a Unix socket",
				Command: "zmqtap serve --http unix:/run/zmqtap.http --topic auth. tcp://127.0.0.1:5556"},
			{Purpose: "For tenants, each of which sees its own topics",
				Command: "zmqtap serve --http 127.0.0.1:8080 --http-tokens tokens tcp://127.0.0.1:5556"},
		},
	}, &o.Common)
	o.addTopics(fs)
	web.add(fs)
	if err := o.parse(fs, args, stdout); err != nil {
		return nil, nil, err
	}
	if web.address == "" {
		return nil, nil, flags.Usage("--http is missing: give the address to serve at, such as 127.0.0.1:8080")
	}
	if err := web.validate(fs); err != nil {
		return nil, nil, err
	}
	if err := o.Limit(int(web.history)); err != nil {
		return nil, nil, err
	}
	return o, web, nil
}

func runServe(ctx context.Context, args []string, stdout *os.File, stderr *log.Writer) error {
	o, web, err := parseServe(args, stdout)
	if err != nil {
		return err
	}
	if o.Check.Wanted {
		return checkServe(ctx, o, web, stdout)
	}
	logger := o.Logger(stderr)
	unwatch, err := o.Secure(logger, hangups)
	if err != nil {
		return err
	}
	defer unwatch()
	o.warnOfPatterns(logger)
	stream := tap.New(int(web.history))
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	socket, err := o.open(stream, logger, cancel)
	if err != nil {
		return err
	}
	draining, stop := o.Lingering(ctx)
	defer stop()
	o.Budget().Govern(ctx)
	numbers := o.statistics(stream, socket)
	endMonitor := o.Monitor(status.Source{Sockets: []*zmq.Socket{socket}, Numbers: numbers}, logger, stderr)
	server, l, err := web.listen(ctx, stream, socket, &o.Common, logger)
	if err == nil {
		wait := background(ctx, draining, server, l, cancel)
		defer o.Report(ctx, numbers, logger)()
		<-ctx.Done()
		err = cmp.Or(wait(), flags.Failure(ctx))
	} else if ctx.Err() != nil { // while it waited for its address
		err = flags.Failure(ctx)
	}
	cancel(nil)
	socket.Close(draining)
	endMonitor()
	logEnd(logger, stream, socket)
	return err
}
