package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/flags"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/log"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/recording"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/status"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// republisher publishes a recording.
type republisher struct {
	options *replayOptions
	player  *player
	socket  *zmq.Socket
	to      *subscribers
	log     *missingLog
	began   time.Time

	published, unwanted atomic.Uint64 // messages, and those of them that nobody had subscribed to
	missing, unknown    atomic.Uint64 // messages that the recording says are missing, and places where it knows no number
}

// publish publishes what p plays, until it ends or ctx does.
func (o *replayOptions) publish(ctx context.Context, p *player, logger *slog.Logger, stderr *log.Writer) error {
	unwatch, err := o.Secure(logger, hangups)
	if err != nil {
		return err
	}
	defer unwatch()
	r := &republisher{options: o, player: p, to: newSubscribers(), log: newMissingLog(logger), began: time.Now()}
	cfg := o.Socket(zmq.XPub, logger)
	cfg.OnSubscription = r.to.change
	if r.socket, err = zmq.New(cfg); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	draining, stop := o.Lingering(ctx)
	defer stop()
	if err := o.Open(r.socket, logger, cancel); err != nil {
		cancel(nil)
		r.socket.Close(ctx) // also removes the files of its sockets
		return err
	}
	numbers := o.Statistics()
	numbers.Add("published_total", "messages published, whether somebody had subscribed to them or not", r.published.Load)
	numbers.Add("missing_before_total", aboutMissing, r.missing.Load)
	numbers.Add("connections_refused_total", aboutRefused, r.socket.Refused)
	numbers.Add("clients", aboutClients, func() uint64 { return uint64(r.socket.Peers()) })
	endMonitor := o.Monitor(status.Source{Sockets: []*zmq.Socket{r.socket}, Numbers: numbers}, logger, stderr)
	defer o.Report(ctx, numbers, logger)()
	err = cmp.Or(r.run(ctx), p.failure(), flags.Failure(ctx))
	undelivered := r.socket.Close(draining) // without a signal it takes as long as the subscribers do
	endMonitor()
	fmt.Fprint(stderr, r.summary())
	if undelivered > 0 && err == nil {
		err = fmt.Errorf("%d messages were not delivered: subscribers did not take them within --linger %v", undelivered, o.Linger)
	}
	return err
}

// run publishes until the recording ends, ctx does, or --count is reached.
func (r *republisher) run(ctx context.Context) error {
	if !r.to.await(ctx, r.options.subscribers) {
		return nil
	}
	r.began = time.Now()
	for !r.options.enough(r.published.Load()) {
		e, due, err := r.player.peek()
		if err != nil {
			return nil // it is the player's
		}
		if time.Until(due) > 0 {
			r.socket.Flush()
		}
		if !r.player.wait(ctx, due) || !r.audience(ctx) {
			return nil
		}
		if err := r.give(ctx, e); err != nil {
			return nil //nolint:nilerr // ctx has ended
		}
		r.player.next = nil
	}
	return nil
}

// audience waits while nobody has subscribed. It returns false if ctx ends first.
func (r *republisher) audience(ctx context.Context) bool {
	if r.options.subscribers == 0 || r.to.number() > 0 {
		return true
	}
	return r.to.await(ctx, 1)
}

// give publishes an entry.
func (r *republisher) give(ctx context.Context, e *recording.Entry) error {
	if g := e.Gap; g != nil {
		r.miss(g)
		return nil
	}
	m := &e.Message
	frames := make([][]byte, 0, 2+len(m.Frames))
	if m.HasTopic {
		frames = append(frames, m.Topic)
	}
	peers, err := r.socket.PublishToAll(ctx, append(append(frames, m.Frames...), m.Payload)...)
	switch {
	case err != nil:
		return err
	case peers == 0:
		r.unwanted.Add(1)
	}
	r.published.Add(1)
	return nil
}

// miss tells the subscribers that can be told, and the log, what the recording lacks.
func (r *republisher) miss(g *recording.Gap) {
	if g.Count == 0 {
		r.unknown.Add(1)
		r.log.unknown.Write(slog.LevelWarn, "messages may be missing in the recording", "reason", g.Reason, "publisher", g.Publisher)
	} else {
		r.missing.Store(tap.Sum(r.missing.Load(), g.Count)) // nobody else adds to it
		r.log.gone.Write(slog.LevelWarn, "messages are missing in the recording", "messages", g.Count, "reason", g.Reason, "publisher", g.Publisher)
	}
	n := g.Count
	if !r.options.everything() {
		n = 0 // it counts what is left out, too
	}
	r.socket.Lost(n, nil) // which topics they had is not known
}

// summary says what was published.
func (r *republisher) summary() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s published in %v\n", counted(r.published.Load(), "message"), time.Since(r.began).Round(time.Millisecond))
	missing(&out, r.unwanted.Load(), "message", " among them that nobody had subscribed to")
	missing(&out, r.missing.Load(), "message", " missing in the recording")
	missing(&out, r.unknown.Load(), "place", " where messages may be missing in the recording")
	return out.String()
}
