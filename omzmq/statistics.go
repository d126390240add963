package main

import (
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/delivery"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/statistics"
)

// statistics are the numbers of --stats-interval: those of this process, without the orphan journals that it delivers.
func (p *process) statistics() *statistics.Set {
	s := p.o.Statistics()
	of := func(name string, value func(delivery.Counters) uint64) {
		s.Add(name, func() uint64 { return value(p.account.Counters()) })
	}
	of("received_total", func(c delivery.Counters) uint64 { return c.Received })
	of("confirmed_total", func(c delivery.Counters) uint64 { return c.Confirmed })
	of("failed_total", func(c delivery.Counters) uint64 { return c.Failed })
	of("resent_total", func(c delivery.Counters) uint64 { return c.Resent })
	of("lost_total", func(c delivery.Counters) uint64 { return c.Lost })
	of("without_delimiter_total", func(c delivery.Counters) uint64 { return c.NoDelimiter })
	s.Add("dropped_total", p.socket.Dropped)
	s.Add("truncated_total", func() uint64 { return uint64(p.truncated.Load()) })
	s.Add("connections_refused_total", p.socket.Refused)
	s.Add("unconfirmed", func() uint64 { return uint64(p.account.Unconfirmed()) })
	s.Add("peers", func() uint64 { return uint64(p.socket.Peers()) })
	return s
}
