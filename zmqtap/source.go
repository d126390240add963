package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/spf13/pflag"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/flags"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/statistics"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// source is where a stream comes from: the flags of a command that subscribes.
type source struct {
	flags.Common
	topics    []string
	connected atomic.Bool       // a publisher was, at some time
	adjust    func(*zmq.Config) // what the command changes in the socket's configuration; nil: nothing

	logFormatGiven bool
}

func (o *source) addTopics(fs *pflag.FlagSet) {
	fs.StringArrayVar(&o.topics, "topic", nil,
		"take only messages whose first frame begins with this `prefix` (repeatable; default everything)")
}

// longestAway is the longest wait between dials: what is published meanwhile is missed, and a person waits.
const longestAway = "2s"

// parse parses a command line whose arguments are endpoints to connect to. After a --bind without a value
// they are endpoints to bind.
func (o *source) parse(fs *pflag.FlagSet, args []string, stdout io.Writer) error {
	o.Arguments = flags.ConnectArguments
	flags.Default(fs, "reconnect-max", longestAway)
	if i := slices.Index(args, "--bind"); i >= 0 && (i+1 == len(args) || strings.HasPrefix(args[i+1], "-")) {
		o.Arguments, args = flags.BindArguments, slices.Delete(slices.Clone(args), i, i+1)
	}
	if err := o.Parse(fs, version, args, stdout); err != nil {
		return err
	}
	o.logFormatGiven = fs.Changed("log-format")
	return flags.CheckPrefixes("topic", o.topics)
}

// warnOfPatterns warns of what looks like a shell's pattern: it would match nothing, and nobody would know why.
func (o *source) warnOfPatterns(logger *slog.Logger) {
	for _, topic := range o.topics {
		if i := strings.IndexAny(topic, "*?"); i >= 0 {
			logger.Warn(fmt.Sprintf("--topic %q is a prefix and not a pattern: it takes only topics that begin with these very "+
				"characters, %c included. Write --topic %q", topic, topic[i], topic[:i]))
		}
	}
}

// open opens a SUB that publishes to the stream what it receives. It receives as fast as it can: what readers
// are too slow for is dropped here, where it is counted. fail is as in flags.Common.Open.
func (o *source) open(stream *tap.Stream, logger *slog.Logger, fail context.CancelCauseFunc) (*zmq.Socket, error) {
	cfg := o.Socket(zmq.Sub, logger)
	if cfg.Subscribe = o.topics; len(o.topics) == 0 {
		cfg.Subscribe = []string{""}
	}
	cfg.OnReceive = func(b *zmq.Batch) {
		stream.Publish(b)
		b.Release()
	}
	tap.Watch(&cfg, func(_ *zmq.Peer, g tap.Gap) { stream.Report(g) })
	if o.adjust != nil {
		o.adjust(&cfg)
	}
	socket, err := zmq.New(cfg)
	if err != nil {
		return nil, err
	}
	if err := o.Open(socket, logger, fail); err != nil {
		over, cancel := context.WithCancel(context.Background())
		cancel()
		socket.Close(over) // also removes the files of its sockets
		return nil, err
	}
	return socket, nil
}

const (
	aboutRefused = "connections that were turned away"
	aboutClients = "readers and subscribers"
	aboutPeers   = "publishers"
	aboutMissing = "messages that publishers say they dropped for zmqtap, or that hubs say were lost before them"
)

// statistics are the numbers of --stats-interval and --metrics.
func (o *source) statistics(stream *tap.Stream, socket *zmq.Socket) *statistics.Set {
	s := o.Statistics()
	addReceived(s, stream.Counters, nil)
	s.Add("received_bytes_total", "bytes of the messages received", func() uint64 { return stream.Counters().Bytes })
	s.Add("connections_refused_total", aboutRefused, socket.Refused)
	s.Add("clients", aboutClients, func() uint64 { return uint64(stream.Readers()) })
	s.Add("peers", aboutPeers, func() uint64 { return uint64(socket.Peers()) })
	return s
}

// addReceived adds what all commands count. out has the subscribers; nil: there are readers alone.
func addReceived(s *statistics.Set, counters func() tap.Counters, out *zmq.Socket) {
	s.Add("received_total", "messages from publishers", func() uint64 { return counters().Received })
	each := func(func(string, uint64)) {}
	if out != nil {
		each = flags.DroppedByPeer(out)
	}
	s.AddDivided("dropped_total", "messages that readers and subscribers were too slow for; without a client: those of readers, and that are gone",
		func() uint64 { return counters().Missed }, "client", each)
	s.Add("missing_before_total", aboutMissing, func() uint64 { return counters().Gone })
}

// logEnd logs the totals.
func logEnd(logger *slog.Logger, stream *tap.Stream, socket *zmq.Socket) {
	c := stream.Counters()
	logger.Info("end", "received", c.Received, "missed", c.Missed, "missing before", c.Gone, "connections refused", socket.Refused())
}
