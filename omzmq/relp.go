package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/adopt"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/delivery"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/flags"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/journal"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/listen"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/relp"
)

// checkRELPAddress validates --relp.
func checkRELPAddress(address string, anywhere bool) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil || port == "" {
		return flags.Usage("--relp %q: write host:port, as in 127.0.0.1:2514", address)
	}
	at, err := netip.ParseAddr(host)
	if host != "localhost" && (err != nil || !at.IsLoopback()) && !anywhere {
		return flags.Usage("--relp %q: RELP here is in clear and asks nobody who he is, so it listens on this host alone: write 127.0.0.1:%s, "+
			"or add --%s", address, port, relpAnywhereFlag)
	}
	return nil
}

// serve takes messages from rsyslog's omrelp until ctx ends.
func (p *process) serve(ctx, draining context.Context) error {
	listener, err := p.listen(ctx)
	if listener == nil {
		return err
	}
	p.endReports = p.o.Report(ctx, p.statistics(), p.logger)
	cfg := relp.ServerConfig{
		MaxMessage: p.o.maxLine(), Truncated: p.cut, SendTimeout: p.o.sendTimeout, Gate: p.o.Gate(p.logger), Logger: p.logger,
	}
	switch account := p.account.(type) {
	case *delivery.Publisher:
		streams := delivery.NewPublishedStreams(account)
		cfg.Account, cfg.Open = streams, func() relp.Stream { return streams.Open() }
	case *delivery.Sender:
		p.stream(&cfg, account, account)
	case *adopt.Account:
		p.stream(&cfg, account.Sender, account)
	}
	return relp.NewServer(cfg).Run(ctx, draining, listener)
}

// stream makes a server's account of a sender. account extends the sender's.
func (p *process) stream(cfg *relp.ServerConfig, sender *delivery.Sender, account account) {
	const pollInterval = 10 * time.Millisecond // what only the kernel knows is not notified
	if p.o.confirmLevel == delivery.Received {
		cfg.Poll = pollInterval
	}
	sender.Pipes(journal.PipesNone)
	began := time.Now()
	streams := delivery.NewStreams(sender, func() int64 { return int64(time.Since(began) / time.Second) })
	cfg.Account, cfg.Open = streaming{streams, account, &p.outcomes}, func() relp.Stream { return streams.Open() }
}

// streaming is the account of a server: the streams, and what says when they can go on.
type streaming struct {
	*delivery.Streams
	account  account
	outcomes *outcomes
}

// TimedOut is called for a session that was ended because nothing was confirmed.
func (s streaming) TimedOut() {
	_, why := s.account.Outcome()
	s.outcomes.cut(fmt.Sprint(why))
	s.Streams.TimedOut()
}

func (s streaming) Ready() error             { return s.Streams.Ready(s.account) }
func (s streaming) Changed() <-chan struct{} { return s.account.Changed() }
func (s streaming) Poll()                    { s.account.Poll() }

// listen opens the listener. An address that is taken is tried again for as long as --bind-retry says. It returns nil
// without an error if ctx ends before.
func (p *process) listen(ctx context.Context) (listener net.Listener, err error) {
	err = p.o.Patience(p.logger).Try(ctx, p.o.relp, func() (err error) {
		listener, err = listen.Listen("tcp", p.o.relp)
		return err
	})
	if err != nil && ctx.Err() == nil {
		return nil, fmt.Errorf("--relp: %w", err)
	}
	if listener != nil {
		p.logger.Info("listening for RELP", "address", listener.Addr().String())
	}
	return listener, nil
}
