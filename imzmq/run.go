package main

import (
	"cmp"
	"context"
	"encoding/hex"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/destination"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/flags"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/intake"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/log"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/statistics"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/trouble"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// quiet is how long senders must be silent before what they have sent is stored in Redis or Kafka, where each write is
// a round trip. A batch of 1,000 from omprog, which arrives line by line, takes about 70 round trips without it and 15
// with it, and is stored a fifth to a third faster when all programs share two CPUs (bench/run -rows redis-free).
const quiet = 100 * time.Microsecond

// newSocket makes the socket. senders are those whose messages are acknowledged; nil: nobody's are.
func newSocket(o *options, dest destination.Destination, senders *intake.Senders, logger *slog.Logger) (*zmq.Socket, error) {
	if senders != nil && o.target.Redis.Kind == redis.Channel {
		logger.Warn("a channel stores nothing: " +
			"an acknowledged message was given to the subscribers of that moment, if there were any")
	}
	cfg := o.Socket(o.socketType, logger)
	cfg.Batch = o.batch // so that no peer's turn lasts for more than two rounds
	if senders != nil {
		cfg.OnUp, cfg.OnDown, cfg.Answered = senders.Up, senders.Down, true
	}
	if selective, ok := dest.(destination.Selective); ok && senders != nil {
		cfg.Serves = func(identity []byte) bool { return selective.Serves(hex.EncodeToString(identity)) }
	}
	if cfg.Subscribe = o.subscribe; o.socketType == zmq.Sub && len(o.subscribe) == 0 {
		cfg.Subscribe = []string{""}
	}
	return zmq.New(cfg)
}

func run(ctx context.Context, args []string, stdin, stdout *os.File, stderr *log.Writer) error {
	if len(args) > 0 && args[0] == "status" {
		return flags.Status(ctx, program, version, args[1:], stdout)
	}
	o, err := parseOptions(args, stdout)
	if err != nil {
		return err
	}
	if o.Check.Wanted {
		return checked(ctx, o, stdout)
	}
	logger := o.Logger(stderr)
	unwatch, err := o.Secure(logger, hangups)
	if err != nil {
		return err
	}
	defer unwatch()
	var senders *intake.Senders
	if o.socketType == zmq.Router && o.ack {
		senders = intake.NewSenders(logger)
		o.kafka.Connected = senders.Connected
	}
	var now trouble.State
	config := destination.Config{
		Stdin:        stdin,
		Stdout:       stdout,
		Reconnect:    o.Reconnect,
		ReconnectMax: o.ReconnectMax,
		Redis:        o.redis,
		Kafka:        o.kafka,
		Logger:       logger,
		Trouble:      &now,
	}
	dest, err := destination.New(o.target, o.encoding, config)
	if err != nil {
		return err
	}
	socket, err := newSocket(o, dest, senders, logger)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	o.Budget().Govern(ctx)
	var probing sync.WaitGroup
	defer probing.Wait()
	defer cancel(nil)
	if err := o.Open(socket, logger, cancel); err != nil {
		return err
	}
	draining, stop := o.Lingering(ctx)
	defer stop()
	cfgIn := intake.Config{Acknowledge: senders != nil, Senders: senders, Batch: o.batch, Delay: o.delay, Logger: logger,
		Sizes: statistics.Sizes(), Times: statistics.Durations(), Ages: statistics.Durations()}
	if o.target.Stores() {
		cfgIn.Quiet = quiet
	}
	in := intake.New(cfgIn, socket, dest)
	probe := newProber(o.target, config, in)
	if o.target.Remote() {
		probing.Go(func() { probe.run(ctx) })
	}
	source := watched{o, in, socket, dest, &now, probe, cfgIn}.source()
	endMonitor := o.Monitor(source, logger, stderr)
	if o.target.Kind != destination.Improg {
		defer o.Report(ctx, source.Numbers, logger)()
	}
	err = in.Run(ctx, draining)
	err = cmp.Or(err, flags.Failure(ctx))
	cancel(nil)
	socket.Close(draining)
	endMonitor()
	logEnd(logger, in.Counters(), socket, dest)
	if closeErr := dest.Close(draining); err == nil {
		err = closeErr
	}
	return err
}

func logEnd(logger *slog.Logger, c intake.Counters, socket *zmq.Socket, dest destination.Destination) {
	logger.Info("end", "received", c.Received, "stored", c.Stored, "duplicates", c.Duplicates, "refused", c.Refused,
		"refused for their sender id", c.Claims, "truncated", socket.Truncated()+dest.Truncated(),
		"connections refused", socket.Refused())
}
