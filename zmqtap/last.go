package main

import (
	"log/slog"
	"strconv"

	"github.com/spf13/pflag"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/flags"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/hub"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// last is how many messages of the past are asked for.
type last struct {
	messages int
	given    bool // otherwise a hub gives what it remembers
}

func (o *last) add(fs *pflag.FlagSet) {
	flags.Count(fs, &o.messages, "last", 0, 0, flags.MaxCount,
		"begin with the last `messages` that a hub remembers, no more than this many of each --topic; 0: none; "+
			"without this flag, all that it remembers")
}

// ask asks the publishers for them.
func (o *last) ask(cfg *zmq.Config) {
	if o.given {
		cfg.Properties = append(cfg.Properties, zmq.Property{Name: hub.LastProperty, Value: strconv.Itoa(o.messages)})
	}
}

// warn warns of a publisher that has none.
func (o *last) warn(p *zmq.Peer, logger *slog.Logger) {
	if o.given && o.messages > 0 && p.Property(hub.ReplayProperty) == "" {
		logger.Warn("--last: this publisher remembers no messages, because it is no hub with --replay; "+
			"what it publishes from now on is shown", "endpoint", p.Remote())
	}
}

// greet has the socket ask for the last messages, and say to people when it is connected.
func (o *printOptions) greet(cfg *zmq.Config, logger *slog.Logger, forPeople bool) {
	o.last.ask(cfg)
	cfg.OnUp = func(p *zmq.Peer) {
		o.connected.Store(true)
		if forPeople {
			sayConnected(p, logger)
		}
		o.last.warn(p, logger)
	}
}

// sayConnected says who is connected, and who it has proved to be.
func sayConnected(p *zmq.Peer, logger *slog.Logger) {
	text, who := "connected to "+p.Endpoint(), p.User()
	if p.Endpoint() == "" {
		text = "a publisher has connected: " + p.Remote()
	}
	if who != "" {
		text += ", user " + who
	}
	logger.Info(text)
}
