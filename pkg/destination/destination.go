// Package destination is where imzmq puts messages: rsyslog through improg or RELP, Redis, or plain lines on
// stdout. A destination says of each message when it is stored, so that it can be acknowledged to its
// sender then and not before.
package destination

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/improg"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/redis"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/relp"
)

// ErrOver says that the destination has ended by itself and takes no more: rsyslog stops, or nobody
// reads stdout any more. For the program it is a normal end.
var ErrOver = errors.New("the destination has ended")

// ErrRepeat says of a message that it was stored before, and is not stored twice. It counts as stored.
var ErrRepeat = redis.ErrRepeat

// Destination takes messages. It is for one goroutine, but for Done.
type Destination interface {
	// Store delivers the batch in order and returns nil when every message is settled. settled(i, nil)
	// means that message i is stored, settled(i, ErrRepeat) that it was stored before; settled(i, reason) that the
	// destination does not want it and would not the next time, as things are. It is called on the caller's goroutine, once per message at most.
	//
	// A fault that can pass is waited out: Store returns an error that wraps ctx.Err() when ctx ends,
	// one that wraps ErrOver when the destination has ended, and another only when it cannot go on.
	// What was not settled then is of unknown fate. The batch is only read, and no longer than the
	// call lasts.
	Store(ctx context.Context, batch []message.Message, settled func(i int, refusal error)) error

	// Done returns a channel that is closed when the destination has ended by itself; nil when it
	// never does.
	Done() <-chan struct{}

	// Close says good-bye and releases what the destination holds, waiting no longer than ctx. Its
	// error is also the one because of which Done was closed, if that was no normal end.
	Close(ctx context.Context) error
}

// Config is what a destination may need beside its target.
type Config struct {
	Stdin, Stdout *os.File // for improg and -; they remain the caller's and stay open until Close

	Reconnect, ReconnectMax time.Duration // first and longest wait between attempts, with Redis a second at most; 0: the default of relp, or redis
	Timeout                 time.Duration // RELP: longest silence; 0: relp's default

	Redis redis.Config // its Target and Logger are those of the destination

	Logger *slog.Logger
}

// New makes the destination that target names. It does not wait for anybody: RELP and Redis connect with the
// first batch, and improg's START is awaited there too.
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
		return newLines(conn, format, "nobody reads stdout any more"), nil
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
	}
	return nil, fmt.Errorf("destination %q is not known", target)
}

// Check reaches for the target once and returns what is in the way. There is nothing to reach for
// improg and stdout.
func Check(ctx context.Context, target Target, config Config) error {
	switch target.Kind {
	case Redis:
		return redis.Check(ctx, redisConfig(target, config))
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
	const longest = time.Second // a Redis that is back should be noticed at once, and those who wait for it are few
	c := config.Redis
	c.Target, c.Logger = target.Redis, config.Logger
	c.Reconnect = min(config.Reconnect, longest)
	c.ReconnectMax = max(c.Reconnect, min(config.ReconnectMax, longest))
	return c
}

func newClient(target Target, config Config) (*relp.Client, error) {
	return relp.NewClient(relp.Config{
		Address:      target.Address,
		Reconnect:    config.Reconnect,
		ReconnectMax: config.ReconnectMax,
		Timeout:      config.Timeout,
		Logger:       config.Logger,
	})
}
