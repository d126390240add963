package main

import (
	"context"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/flags"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/terminal"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/terminal/top"
)

// refresh is the time between two tables of the rates.
const refresh = time.Second

// rateOptions are the flags of the rates.
type rateOptions struct {
	rate   bool
	byText string
	by     terminal.By
}

func (o *rateOptions) add(fs *pflag.FlagSet) {
	fs.BoolVar(&o.rate, "rate", false,
		"show messages and bytes per second for each topic; at a terminal a screen like top's, whose ? lists the keys; "+
			"otherwise a table a second")
	fs.StringVar(&o.byText, "by", "topic", "with --rate, count by this `field`: topic, host, program or severity")
	flags.Values(fs, "by", terminal.ByNames()...)
}

func (o *rateOptions) validate(fs *pflag.FlagSet) (err error) {
	if o.by, err = terminal.ParseBy(o.byText); err != nil {
		return flags.Usage("--by %w", err)
	}
	if fs.Changed("by") && !o.rate {
		return flags.Usage("--by needs --rate")
	}
	return nil
}

// wantsScreen reports whether --rate is a screen: its terminal understands escape sequences.
func (o *rateOptions) wantsScreen(onTerminal bool) bool {
	return o.rate && onTerminal && os.Getenv("TERM") != "dumb"
}

// openScreen prepares the screen. close is for the end.
func (v *view) openScreen() (close func()) {
	keys, close := top.Keyboard(os.Stdin)
	v.screen = top.New(top.Config{Source: (*rateSource)(v), By: v.options.by, In: keys, Out: v.stdout,
		Color: v.options.colored(v.stdout), Environ: os.Environ()})
	v.rates.Remember()
	v.divided.Remember()
	return close
}

// top shows the rates on the screen until the user quits, ctx ends or --count is reached.
func (v *view) top(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	counted := make(chan struct{})
	go func() {
		defer close(counted)
		defer v.screen.Rescue()
		defer cancel() // --count is reached
		for waiting, done := []tap.Delivery(nil), false; !done && ctx.Err() == nil; {
			waiting = v.reader.Next(ctx, waiting[:0])
			done = v.tally(waiting)
			v.reader.Return(waiting)
		}
	}()
	err := v.screen.Run(ctx)
	cancel()
	<-counted
	return err
}

// table writes the rates periodically, first after a second of counting.
func (v *view) table(ctx context.Context) error {
	ticker := time.NewTicker(refresh)
	defer ticker.Stop()
	var waiting []tap.Delivery
	for {
		select {
		case <-v.reader.Ready():
		case <-ticker.C:
			if err := v.render(); err != nil {
				return err
			}
		case <-ctx.Done():
			return v.render()
		}
		waiting = v.reader.Take(waiting[:0])
		if v.tally(waiting) {
			return v.render()
		}
		v.reader.Return(waiting)
	}
}

func (v *view) render() error {
	width, height := 0, terminal.DefaultHeight // as much of a name as there is
	if terminal.IsTerminal(v.stdout) {
		width, height = terminal.Size(v.stdout)
	}
	v.mu.Lock()
	v.divided.SetMissed(tap.Sum(v.totals.Slow, v.totals.Dropped))
	v.lines = v.divided.Render(v.lines[:0], time.Now(), width, height)
	v.mu.Unlock()
	_, err := v.out.Write(v.lines)
	return err
}

// tally counts what has arrived. It reports whether --count is reached.
func (v *view) tally(deliveries []tap.Delivery) (done bool) {
	for _, d := range deliveries {
		if v.tallyMessages(d.Messages) {
			return true
		}
		if len(d.Messages) == 0 {
			v.miss(d)
		}
	}
	return false
}

// tallyMessages counts messages, all under one lock.
func (v *view) tallyMessages(messages []tap.Message) (done bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for i := range messages {
		m := &messages[i]
		v.totals.Seen++
		v.totals.Bytes += uint64(len(m.Payload))
		if as := m.Message(); !v.options.takes(&as) {
			continue
		}
		v.totals.Printed++
		v.rates.Add(m.Topic, len(m.Payload))
		if v.divided != v.rates {
			v.divided.Count(m.Topic, m.Payload)
		}
		if v.options.enough(v.totals.Printed) {
			return true
		}
	}
	return false
}

// rateSource is the view as the screen's source.
type rateSource view

func (v *rateSource) Update(now time.Time) top.Sample {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := top.Sample{Missed: tap.Sum(v.totals.Slow, v.totals.Dropped)}
	s.All, s.Rows = v.rates.Update(now)
	s.AllSeconds = v.rates.Seconds()
	if v.divided != v.rates {
		_, s.Rows = v.divided.Update(now)
	}
	s.Seconds = v.divided.Seconds()
	if v.socket != nil {
		up, down := connections(v.socket.Endpoints(), v.socket.Peers())
		if s.Publishers = some(down, "; "); len(up) > 0 { // what is wrong comes first: a line has an end
			s.Publishers = strings.TrimPrefix(s.Publishers+"; connected to "+some(up, ", "), "; ")
		}
	}
	return s
}

// Divide counts by another field from now on. Topics are always counted: the summary at the end names them.
func (v *rateSource) Divide(by terminal.By) {
	v.mu.Lock()
	defer v.mu.Unlock()
	(*view)(v).divide(by)
}

// divide is Divide. The caller holds mu, if there are others.
func (v *view) divide(by terminal.By) {
	if v.divided = v.rates; by == terminal.Topic {
		return
	}
	v.divided = terminal.NewRatesBy(by, time.Now())
	if v.screen != nil {
		v.divided.Remember()
	}
}
