package main

import (
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/delivery"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal/spool"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/message"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/omprog"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/statistics"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// observed is where a sender's observations go; the zero value: nowhere.
type observed struct{ ages, sizes *statistics.Histogram }

// newSender makes a socket and the account of what it owes, beginning with what is in the journal, if there is one.
// first is the number of its next new line; 0: there will be none.
func newSender(o *options, logger *slog.Logger, j *spool.Journal, first uint64, into observed) (*zmq.Socket, *delivery.Sender, error) {
	cfg := o.Socket(o.socketType, logger)
	lost := &omprog.Losses{Logger: logger}
	about := delivery.SenderConfig{Confirm: o.confirmLevel, Topics: o.topics, Logger: logger, Lost: lost.Add,
		Splits: o.splits, Streams: o.relp != "" && first > 0, Ages: into.ages, Sizes: into.sizes}
	began := time.Now()
	about.Clock = func() int64 { return int64(time.Since(began)) }
	id := delivery.NewSenderID()
	if j != nil {
		about.Journal, id = j.Log, j.Log.ID()
	}
	carrier := &carrier{}
	about.Away = carrier.away
	sender := delivery.NewSender(about, carrier)
	if j != nil {
		sender.Restore(j.Records, o.Endpoints()...)
	}
	if o.confirmLevel == delivery.Stored {
		cfg.Identity = id[:]
		cfg.Properties = []zmq.Property{{Name: delivery.InstanceProperty, Value: o.instance}}
		if first > 0 {
			cfg.Properties = append(cfg.Properties, zmq.Property{Name: delivery.FirstProperty, Value: strconv.FormatUint(first, 10)})
		}
	}
	refused := &refusals{}
	refused.log.Logger = logger
	cfg.Waiting = func() int { return sender.State().Unconfirmed }
	cfg.OnUp = func(p *zmq.Peer) { sender.Up(p) }
	cfg.OnDown = func(p *zmq.Peer, _ error) { sender.Down(p) }
	cfg.OnUnreachable = sender.Unreachable
	cfg.OnWritten = func(p *zmq.Peer) { sender.Progress(p) }
	cfg.OnReceive = func(b *zmq.Batch) {
		if o.confirmLevel == delivery.Stored {
			answers(sender, j, refused, b)
		}
		b.Release()
	}
	var err error
	carrier.Socket, err = zmq.New(cfg)
	return carrier.Socket, sender, err
}

// answers hands a receiver's answers to the sender. The journal learns first that its sender id is refused: whoever
// takes it over must not deliver what is in it under that id.
func answers(sender *delivery.Sender, j *spool.Journal, refused *refusals, b *zmq.Batch) {
	for i := range b.Len() {
		a, err := delivery.ParseAnswer(b.Frames(i))
		if err != nil {
			b.Peer().Drop(fmt.Errorf("the receiver does not speak acknowledged delivery (is it imzmq --socket router?): %w", err))
			return
		}
		if a.Refused {
			refused.note(b.Peer(), a.Reason)
			if j != nil && message.RefusesClaim(a.Reason) {
				j.Dispute()
			}
		}
		sender.Answer(b.Peer(), a)
	}
}

// carrier is a socket as a delivery.Transport.
type carrier struct{ *zmq.Socket }

// away says which endpoints are not up, and why.
func (c *carrier) away() string { return c.Trouble() }

func (c *carrier) Queue(frames ...[]byte) delivery.Link {
	if p := c.Socket.Queue(frames...); p != nil {
		return p
	}
	return nil
}
