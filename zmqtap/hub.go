package main

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"sync"

	"github.com/spf13/pflag"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/check"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/endpoint"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/flags"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/hub"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/log"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/statistics"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/status"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/web"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// hubOptions are the flags of hub.
type hubOptions struct {
	flags.Common
	in, out     []string
	upstream    []string
	replay      int
	replayBytes flags.Size
	topics      topicOptions
	web         webOptions
}

func parseHub(args []string, stdout io.Writer) (*hubOptions, error) {
	o := &hubOptions{replayBytes: 64 << 20}
	fs := flags.NewSetWithoutEndpoints(flags.Program{
		Name:    program + " hub",
		Summary: "Joins many publishers (PUB sockets) with many subscribers (SUB sockets).",
		Examples: []flags.Example{
			{Purpose: "One address for publishers, one for subscribers",
				Command: "zmqtap hub --in tcp://127.0.0.1:5557 --out tcp://127.0.0.1:5558"},
			{Purpose: "Late subscribers get the last 100 messages of each topic first",
				Command: "zmqtap hub --in tcp://127.0.0.1:5557 --out tcp://127.0.0.1:5558 --replay 100"},
			{Purpose: "Join other hubs, and serve their stream over HTTP",
				Command: "zmqtap hub --in-connect tcp://127.0.0.1:5558 --http 127.0.0.1:8080"},
		},
	}, &o.Common)
	fs.StringArrayVar(&o.in, "in", nil, "bind this `endpoint` for publishers (repeatable)")
	fs.StringArrayVar(&o.out, "out", nil, "bind this `endpoint` for subscribers (repeatable)")
	fs.StringArrayVar(&o.upstream, "in-connect", nil,
		"connect to this `endpoint` of a publisher or another hub (repeatable)")
	flags.Count(fs, &o.replay, "replay", 0, 0, flags.MaxCount, "give a late subscriber this many of the last `messages` of each topic")
	fs.Var(&o.replayBytes, "replay-bytes",
		"most `bytes` of memory for --replay; the oldest messages of all topics are forgotten first")
	o.topics.add(fs)
	o.web.add(fs)
	if err := o.Parse(fs, version, args, stdout); err != nil {
		return nil, err
	}
	if err := o.validate(fs); err != nil {
		return nil, err
	}
	return o, o.Limit(o.remembered())
}

func (o *hubOptions) validate(fs *pflag.FlagSet) error {
	for name, endpoints := range map[string][]string{"--in": o.in, "--out": o.out} {
		for _, text := range endpoints {
			if _, err := endpoint.Bind(text); err != nil {
				return flags.Usage("%s: %w", name, err)
			}
		}
	}
	if err := o.CheckConnect("--in-connect", o.upstream); err != nil {
		return err
	}
	switch {
	case len(o.in)+len(o.upstream) == 0:
		return flags.Usage("no publishers: give at least one --in or --in-connect")
	case len(o.out) == 0 && o.web.address == "":
		return flags.Usage("no subscribers: give --out, or --http")
	case fs.Changed("replay-bytes") && o.replay == 0:
		return flags.Usage("--replay-bytes needs --replay")
	}
	if err := o.topics.validate(fs); err != nil {
		return err
	}
	if err := o.CheckRoles(slices.Concat(o.in, o.out), o.upstream); err != nil {
		return err
	}
	return o.web.validate(fs)
}

// remembered returns how many bytes the hub remembers of what was published.
func (o *hubOptions) remembered() (n int) {
	if o.replay > 0 {
		n = int(o.replayBytes)
	}
	if o.web.address != "" {
		n += int(o.web.history)
	}
	return n
}

// make makes the hub. stream is nil if nobody reads over HTTP.
func (o *hubOptions) make(logger *slog.Logger) (h *hub.Hub, stream *tap.Stream, err error) {
	cfg := hub.Config{
		In:          o.Socket(zmq.XSub, logger.With("side", "in")),
		Out:         o.Socket(zmq.XPub, logger.With("side", "out")),
		Replay:      o.replay,
		ReplayBytes: int(o.replayBytes),
	}
	if o.web.address != "" {
		cfg.Stream = tap.New(int(o.web.history))
	}
	if cfg.Rights, err = o.topics.read(logger); err != nil {
		return nil, nil, err
	}
	h, err = hub.New(cfg)
	return h, cfg.Stream, err
}

func runHub(ctx context.Context, args []string, stdout *os.File, stderr *log.Writer) error {
	o, err := parseHub(args, stdout)
	if err != nil {
		return err
	}
	if o.Check.Wanted {
		return check.Run(ctx, stdout, check.Program{Name: program}, "", &check.Subject{Try: o.try})
	}
	logger := o.Logger(stderr)
	hangups := sync.OnceValue(hangups) // a second call would undo the first
	unwatch, err := o.Secure(logger, hangups)
	if err != nil {
		return err
	}
	defer unwatch()
	h, stream, err := o.make(logger)
	if err != nil {
		return err
	}
	defer o.topics.follow(h, logger, hangups)()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	draining, stop := o.Lingering(ctx)
	defer stop()
	wait := func() error { return nil }
	o.Budget().Govern(ctx)
	if err = o.open(h, logger, cancel); err == nil && o.web.address != "" {
		var server *web.Server
		var l net.Listener
		if server, l, err = o.web.listen(ctx, stream, h.In, &o.Common, logger); err == nil {
			wait = background(ctx, draining, server, l, cancel)
		}
	}
	if err != nil {
		if ctx.Err() != nil { // while it waited for its address
			err = flags.Failure(ctx)
		}
		cancel(nil)
		h.Out.Close(ctx) // also removes the files of its sockets
		h.In.Close(ctx)
		return err
	}
	numbers := o.statistics(h, stream)
	endMonitor := o.Monitor(status.Source{Sockets: []*zmq.Socket{h.In, h.Out}, Numbers: numbers}, logger, stderr)
	defer o.Report(ctx, numbers, logger)()
	<-ctx.Done()
	h.In.Close(draining) // receive no more, then send what was received
	err = cmp.Or(wait(), flags.Failure(ctx))
	if n := h.Out.Close(draining); n > 0 {
		logger.Warn("messages were still queued for subscribers that did not take them", "messages", n)
	}
	endMonitor()
	c := h.Counters()
	logger.Info("end", "received", c.Received, "missed", c.Missed, "missing before", c.Gone,
		"connections refused", h.In.Refused()+h.Out.Refused())
	return err
}

// statistics are the numbers of --stats-interval and --metrics. stream is nil if nobody reads over HTTP.
func (o *hubOptions) statistics(h *hub.Hub, stream *tap.Stream) *statistics.Set {
	s := o.Statistics()
	addReceived(s, h.Counters, h.Out)
	s.Add("connections_refused_total", aboutRefused, func() uint64 { return h.In.Refused() + h.Out.Refused() })
	s.Add("clients", aboutClients, func() uint64 {
		n := h.Out.Peers()
		if stream != nil {
			n += stream.Readers()
		}
		return uint64(n)
	})
	s.Add("peers", aboutPeers, func() uint64 { return uint64(h.In.Peers()) })
	return s
}

// open opens the endpoints: those for subscribers first, so that no message arrives before them.
func (o *hubOptions) open(h *hub.Hub, logger *slog.Logger, fail context.CancelCauseFunc) error {
	out, in := o.Common, o.Common
	out.Bind, in.Bind, in.Connect = o.out, o.in, o.upstream
	if err := out.Open(h.Out, logger.With("side", "out"), fail); err != nil {
		return err
	}
	return in.Open(h.In, logger.With("side", "in"), fail)
}
