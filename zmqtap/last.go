package main

import (
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/flags"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/hub"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// last is how many messages of the past are asked for.
type last struct {
	messages int
	all      bool // that a hub remembers, however many these are
}

func (o *last) add(fs *pflag.FlagSet, usage string) {
	flags.Count(fs, &o.messages, "last", 0, 0, flags.MaxCount, usage)
}

// ask asks the publishers for them.
func (o *last) ask(cfg *zmq.Config) {
	if !o.all {
		cfg.Properties = append(cfg.Properties, zmq.Property{Name: hub.LastProperty, Value: strconv.Itoa(o.messages)})
	}
}

// warn warns of a publisher that has none.
func (o *last) warn(p *zmq.Peer, logger *slog.Logger) {
	if !o.all && o.messages > 0 && p.Property(hub.ReplayProperty) == "" {
		logger.Warn("--last: this publisher remembers no messages, because it is no hub with --replay: "+
			"there is only what it publishes from now on", "endpoint", p.Remote())
	}
}

// greet has the socket ask for the last messages, and say to people when it is connected.
func (o *source) greet(cfg *zmq.Config, last *last, logger *slog.Logger, forPeople bool) {
	last.ask(cfg)
	var away absences
	down := cfg.OnDown
	cfg.OnDown = func(p *zmq.Peer, err error) {
		away.begin(p.Endpoint())
		down(p, err)
	}
	cfg.OnUp = func(p *zmq.Peer) {
		o.connected.Store(true)
		if absent := away.end(p.Endpoint()); forPeople {
			sayConnected(p, absent, logger)
		}
		last.warn(p, logger)
	}
}

// absences are the endpoints whose connections were lost, and when.
type absences struct{ since sync.Map }

func (a *absences) begin(endpoint string) { a.since.Store(endpoint, time.Now()) }

// end returns how long an endpoint was away; 0: it was not.
func (a *absences) end(endpoint string) time.Duration {
	since, known := a.since.LoadAndDelete(endpoint)
	if !known {
		return 0
	}
	return time.Since(since.(time.Time))
}

// sayConnected says who is connected, after which absence, and who it has proved to be.
func sayConnected(p *zmq.Peer, absent time.Duration, logger *slog.Logger) {
	text, who := "connected to "+p.Endpoint(), p.User()
	switch {
	case p.Endpoint() == "":
		text = "a publisher has connected: " + p.Remote()
	case absent > 0:
		text = fmt.Sprintf("connected again to %s after %.1f s", p.Endpoint(), absent.Seconds())
	}
	if who != "" {
		text += ", user " + who
	}
	logger.Info(text)
}
