package main

import (
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/destination"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/intake"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/statistics"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/status"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/trouble"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// watched is an imzmq that an operator looks at.
type watched struct {
	o       *options
	in      *intake.Intake
	socket  *zmq.Socket
	dest    destination.Destination
	trouble *trouble.State
	probe   *prober
	cfg     intake.Config
}

func (w watched) source() status.Source {
	return status.Source{Sockets: []*zmq.Socket{w.socket}, Numbers: w.statistics(), Destination: w.destination, Failure: w.failure}
}

func (w watched) statistics() *statistics.Set {
	s := w.o.Statistics()
	of := func(name, about string, value func(intake.Counters) uint64) {
		s.Add(name, about, func() uint64 { return value(w.in.Counters()) })
	}
	of("received_total", "messages taken from the socket", func(c intake.Counters) uint64 { return c.Received })
	of("stored_total", "of these, stored in the destination", func(c intake.Counters) uint64 { return c.Stored })
	of("duplicates_total", "messages that were stored before, and are not stored again", func(c intake.Counters) uint64 { return c.Duplicates })
	of("refused_total", "messages that the destination refuses, or whose sender id is another's", func(c intake.Counters) uint64 { return c.Refused })
	s.Add("truncated_total", "messages that were cut", func() uint64 { return w.socket.Truncated() + w.dest.Truncated() })
	s.Add("connections_refused_total", "connections that were turned away", w.socket.Refused)
	s.Add("peers", "connections", func() uint64 { return uint64(w.socket.Peers()) })
	if counting, ok := w.dest.(destination.Counting); ok {
		counting.Count(s.Add)
	}
	s.AddHistogram("commit_seconds", "from when messages are given to the destination until they are stored or refused", w.cfg.Times)
	s.AddHistogram("batch_messages", "messages that are stored together", w.cfg.Sizes)
	s.AddHistogram("age_seconds", "of a settled message, from when the first one of its batch was taken from the socket", w.cfg.Ages)
	return s
}

const (
	// slow is how long a destination may take until it counts as waited for.
	slow = 2 * time.Second
	// recently is how long a refusal is shown.
	recently = 2 * time.Minute
)

// destination says whether the destination stores what it is given.
func (w watched) destination() *status.Destination {
	d := &status.Destination{To: w.o.target.String(), Up: true}
	if stored := w.in.Stored(); !stored.IsZero() {
		d.Stored = &stored
	}
	since, reason, refusal, _, lastAt := w.trouble.Now()
	if since.IsZero() {
		since, reason = w.probe.away()
	}
	if storing := w.in.Storing(); since.IsZero() && !storing.IsZero() && time.Since(storing) > slow {
		since = storing
	}
	if !since.IsZero() {
		d.Up, d.Since, d.Reason = false, &since, reason
	}
	if time.Since(lastAt) < recently {
		d.Refuses = refusal
	}
	return d
}

// failure returns the last failure of the destination; nil: it had none.
func (w watched) failure() *status.Failure {
	since, _, _, last, at := w.trouble.Now()
	if last == "" {
		return nil
	}
	return &status.Failure{At: at, Reason: last, Lasts: !since.IsZero(), Since: since}
}
