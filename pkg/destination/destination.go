// Package destination is where imzmq puts messages: rsyslog through improg or RELP, Redis, Kafka, or plain lines on
// stdout. A destination reports when each message is stored, so that the message is acknowledged to its sender then and
// not before.
package destination

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/improg"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/kafka"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/relp"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/trouble"
)

// ErrOver means that the destination has ended by itself and takes no more: rsyslog is stopping, or the reader of
// stdout has gone. For the program that is a normal end.
var ErrOver = errors.New("the destination has ended")

// ErrRepeat means that a message was stored earlier, and not again now. It counts as stored.
var ErrRepeat = message.ErrRepeat

// ErrElsewhere means that another process stores what its sender sends. The sender must not be answered.
var ErrElsewhere = message.ErrElsewhere

// Destination stores messages. Except for Done and Truncated, it is for one goroutine at a time.
type Destination interface {
	// Store stores the batch in order and returns nil once every message is settled. settled(i, nil) means that
	// message i is stored, settled(i, ErrRepeat) that it was stored earlier, settled(i, ErrElsewhere) that another
	// process serves its sender, settled(i, reason) that the destination refuses it and would again, as things are.
	// settled is called on the caller's goroutine, at most once per message.
	//
	// Store waits for faults that can pass. It returns an error that wraps ctx.Err() when ctx ends, one that wraps
	// ErrOver when the destination has ended, and any other only when it cannot continue. The fate of the messages
	// that were not settled is then unknown. The batch is only read, and not after Store has returned.
	Store(ctx context.Context, batch []message.Message, settled func(i int, refusal error)) error

	// Done returns a channel that is closed when the destination has ended by itself; nil if it never does.
	Done() <-chan struct{}

	// Truncated returns how many messages were cut because the destination takes none that are longer. It may be called
	// at any time.
	Truncated() uint64

	// Close ends the connection in order and releases what the destination holds, waiting no longer than ctx. It also
	// returns the error that ended the destination, if that was no normal end.
	Close(ctx context.Context) error
}

// Selective is a destination that may leave senders to another process, and settles their messages with ErrElsewhere.
type Selective interface {
	// Serves reports whether messages of a sender, given by its id in hexadecimal digits, may be taken. It may be
	// called at any time.
	Serves(sender string) bool
}

// Counting is a destination with numbers of its own for --stats-interval.
type Counting interface {
	// Count calls add with the name of each number, what it is, and what returns it, which may be called at any time.
	Count(add func(name, about string, value func() uint64))
}

// Config is what a destination may need in addition to its target.
type Config struct {
	Stdin, Stdout *os.File // for improg and -; they remain the caller's and stay open until Close

	// First and longest wait between attempts, with Redis and Kafka at most a second; 0: the destination's default.
	Reconnect, ReconnectMax time.Duration
	Timeout                 time.Duration // RELP: longest silence; 0: relp's default

	Redis redis.Config // its Target, Logger and waits are set by New
	Kafka kafka.Config // likewise

	Logger  *slog.Logger
	Trouble *trouble.State // is told while nothing is stored, and why; nil: is not
}

// New makes the destination that target names. It does not wait: the first Store connects to RELP, Redis or Kafka, or
// waits for improg's START.
func New(target Target, format Format, config Config) (Destination, error) {
	switch target.Kind {
	case Improg:
		conn, err := improg.Open(config.Stdin, config.Stdout, config.Logger)
		if err != nil {
			return nil, fmt.Errorf("improg: %w", err)
		}
		return newLines(conn, format, "rsyslog is stopping"), nil
	case Stdout:
		conn, err := improg.OpenOutput(config.Stdout)
		if err != nil {
			return nil, err
		}
		return newLines(conn, format, "the reader of stdout has gone"), nil
	case RELP:
		client, err := newClient(target, config)
		if err != nil {
			return nil, err
		}
		return newFrames(client, format), nil
	case Redis:
		writer, err := redis.NewWriter(redisConfig(target, config))
		if err != nil {
			return nil, err
		}
		return newStored(writer, format), nil
	case Kafka:
		writer, err := kafka.NewWriter(kafkaConfig(target, config))
		if err != nil {
			return nil, err
		}
		return newProduced(writer, format, target.Kafka.Once), nil
	}
	return nil, fmt.Errorf("destination %q is not known", target)
}

// Check tries to reach the target once and returns what is in the way. It always succeeds for improg and stdout.
func Check(ctx context.Context, target Target, config Config) error {
	switch target.Kind {
	case Redis:
		return redis.Check(ctx, redisConfig(target, config))
	case Kafka:
		return kafka.Check(ctx, kafkaConfig(target, config))
	case RELP:
		return checkRELP(ctx, target, config)
	}
	return nil
}

func checkRELP(ctx context.Context, target Target, config Config) error {
	client, err := newClient(target, config)
	if err != nil {
		return err
	}
	if err := client.Connect(ctx); err != nil {
		return fmt.Errorf("%w; does rsyslog listen there: module imrelp, input(type=\"imrelp\" port=…)?", err)
	}
	return client.Close(ctx)
}

func redisConfig(target Target, config Config) redis.Config {
	c := config.Redis
	c.Target, c.Logger, c.Trouble = target.Redis, config.Logger, config.Trouble
	c.Reconnect, c.ReconnectMax = shortWaits(config)
	return c
}

func kafkaConfig(target Target, config Config) kafka.Config {
	c := config.Kafka
	c.Target, c.Logger, c.Trouble = target.Kafka, config.Logger, config.Trouble
	c.Reconnect, c.ReconnectMax = shortWaits(config)
	return c
}

// shortWaits returns the first and the longest wait between attempts: a store that is back is noticed soon, and few
// clients try.
func shortWaits(config Config) (first, most time.Duration) {
	const longest = time.Second
	first = min(config.Reconnect, longest)
	return first, max(first, min(config.ReconnectMax, longest))
}

func newClient(target Target, config Config) (*relp.Client, error) {
	return relp.NewClient(relp.Config{
		Address:      target.Address,
		Reconnect:    config.Reconnect,
		ReconnectMax: config.ReconnectMax,
		Timeout:      config.Timeout,
		Logger:       config.Logger,
		Trouble:      config.Trouble,
	})
}
