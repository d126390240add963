package main

import (
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/delivery"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/flags"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/statistics"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/status"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// source is what an operator can look at: this process's numbers and state, without the orphan journals that it
// delivers, which are with the journals.
func (p *process) source() status.Source {
	s := status.Source{
		Sockets:   []*zmq.Socket{p.socket},
		NeedsPeer: p.o.socketType != zmq.Pub,
		Numbers:   p.statistics(),
		Owed:      p.account.State,
		Failure:   p.outcomes.last,
		Journal:   p.o.journal,
		NoRoom:    p.noRoom(),
	}
	if adopting, ok := p.account.(interface{ Orphans() delivery.State }); ok {
		s.Orphans = adopting.Orphans
	}
	if sender, owes := p.account.(interface{ UnconfirmedBy(delivery.Link) int }); owes {
		s.UnconfirmedBy = func(peer *zmq.Peer) int { return sender.UnconfirmedBy(peer) }
	}
	return s
}

// noRoom returns what says since when the journal has no room, and why; no reason: it has, or there is none.
func (p *process) noRoom() func() (since time.Time, why error) {
	own := p.own // it outlives p.own
	return func() (time.Time, error) {
		if s := p.account.State(); s.NoRoom != nil {
			return time.Now().Add(-time.Duration(s.NoRoomFor)), s.NoRoom
		}
		if own == nil {
			return time.Time{}, nil
		}
		return own.NoRoom()
	}
}

func (p *process) statistics() *statistics.Set {
	s := p.o.Statistics()
	of := func(name, about string, value func(delivery.Counters) uint64) {
		s.Add(name, about, func() uint64 { return value(p.account.Counters()) })
	}
	of("received_total", "lines taken from rsyslog, without those that it sends again", func(c delivery.Counters) uint64 { return c.Received })
	of("confirmed_total", "of these, confirmed as --confirm says", func(c delivery.Counters) uint64 { return c.Confirmed })
	of("failed_total", "batches that rsyslog was told to send again", func(c delivery.Counters) uint64 { return c.Failed })
	of("resent_total", "messages sent once more after a connection had ended", func(c delivery.Counters) uint64 { return c.Resent })
	of("lost_total", "messages that the receiver refused, where rsyslog reads no replies", func(c delivery.Counters) uint64 { return c.Lost })
	of("without_delimiter_total", "lines without their topic delimiter", func(c delivery.Counters) uint64 { return c.NoDelimiter })
	s.AddDivided("dropped_total", "messages that subscribers were too slow for; without a peer: those that are gone",
		p.socket.Dropped, "peer", flags.DroppedByPeer(p.socket))
	s.Add("truncated_total", "lines that were cut", func() uint64 { return uint64(p.truncated.Load()) })
	s.Add("connections_refused_total", "connections that were turned away", p.socket.Refused)
	s.Add("unconfirmed", "lines that are not confirmed yet", func() uint64 { return uint64(p.account.State().Unconfirmed) })
	s.Add("peers", "connections", func() uint64 { return uint64(p.socket.Peers()) })
	s.AddHistogram("commit_seconds", "from rsyslog's COMMIT to the OK", p.outcomes.times)
	s.AddHistogram("batch_messages", "lines of a batch", p.outcomes.sizes)
	s.AddHistogram("age_seconds", "of a confirmed line, from when it was accepted", p.ages)
	return s
}
