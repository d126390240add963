package main

import (
	"context"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/syslog"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/tap"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/terminal"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/terminal/top"
	"github.com/rsyslog-zeromq/rsyslog-zeromq/pkg/zmq"
)

// maxOutput is how many bytes of lines are collected before a write.
const maxOutput = 64 << 10

// view shows a stream on a terminal, or writes it to a pipe.
type view struct {
	options *printOptions
	reader  deliveries
	stdout  *os.File
	out     *terminal.Writer
	printer terminal.Printer
	screen  *top.Screen // of --rate at a terminal; nil: there is none
	socket  *zmq.Socket // that the messages come from; nil: a recording
	began   time.Time

	mu        sync.Mutex      // of the following six: the summary is made even while the output is stuck
	divided   *terminal.Rates // rates, or those of another field
	rates     *terminal.Rates
	seen      *terminal.Rates // those of messages that the filter leaves out, too, until something is printed
	totals    terminal.Summary
	untouched uint64 // messages taken from the reader and not counted yet
	unwritten uint64 // messages in lines

	lines  []byte
	found  uint64 // messages that the filter lets through
	sifts  bool   // the filter needs what payloads say
	reads  bool   // it, or the printer, does
	log    *missingLog
	logger *slog.Logger
}

// deliveries is where a view's messages come from: a tap.Reader, or a recording.
type deliveries interface {
	Next(ctx context.Context, dst []tap.Delivery) []tap.Delivery
	Take(dst []tap.Delivery) []tap.Delivery
	Ready() <-chan struct{}
	Return(taken []tap.Delivery)
}

func newView(o *printOptions, reader deliveries, stdout *os.File, onTerminal bool, logger *slog.Logger) *view {
	v := &view{options: o, reader: reader, stdout: stdout, out: terminal.NewWriter(stdout), began: time.Now()}
	v.log, v.logger = newMissingLog(logger), logger
	v.rates, v.seen = terminal.NewRates(v.began), terminal.NewRates(v.began)
	v.divide(o.by)
	v.printer = o.look.printer(stdout, onTerminal)
	v.printer.Grep = o.grep
	v.sifts = o.filter.reads()
	v.reads = v.sifts || v.printer.Reads()
	return v
}

// watch shows the stream until ctx ends, --count is reached, or the output is closed.
func (v *view) watch(ctx context.Context) error {
	shown := make(chan error, 1)
	go func() { shown <- v.show(ctx) }()
	select {
	case err := <-shown:
		return err
	case <-v.out.Closed():
		return terminal.ErrClosed
	case <-ctx.Done():
	}
	if v.screen != nil {
		return <-shown // it does not wait for a stuck terminal
	}
	select {
	case err := <-shown:
		return err
	case <-time.After(v.options.Linger): // the output is stuck
		v.abandon()
		return nil
	}
}

func (v *view) show(ctx context.Context) error {
	switch {
	case v.screen != nil:
		return v.top(ctx)
	case v.options.rate:
		return v.table(ctx)
	}
	return v.print(ctx)
}

// print writes a line for each message until ctx ends, and then those that have already arrived, but no later
// ones: there may be no end of them.
func (v *view) print(ctx context.Context) error {
	var waiting []tap.Delivery
	for over := false; !over; {
		if over = ctx.Err() != nil; over {
			waiting = v.reader.Take(waiting[:0])
		} else {
			waiting = v.reader.Next(ctx, waiting[:0])
		}
		if v.printer.Terminal && v.printer.Reads() { // it may have another size by now
			width, _ := terminal.Size(v.stdout)
			v.printer.Fit(width)
		}
		v.mu.Lock()
		v.untouched = messages(waiting)
		v.mu.Unlock()
		for _, d := range waiting {
			if done, err := v.deliver(d); done || err != nil {
				return err
			}
		}
		if err := v.flush(); err != nil || len(waiting) == 0 {
			return err
		}
		v.reader.Return(waiting)
	}
	return nil
}

// deliver processes a piece of the stream. done reports whether --count is reached and everything is written.
func (v *view) deliver(d tap.Delivery) (done bool, err error) {
	for rest := d.Messages; len(rest) > 0; {
		n, last := v.take(rest)
		if last {
			return true, v.flush()
		}
		if rest = rest[n:]; len(v.lines) >= maxOutput {
			if err := v.flush(); err != nil {
				return false, err
			}
		}
	}
	v.miss(d)
	return false, nil
}

// take counts messages and appends their lines, until there are enough for a write. It returns how
// many messages it has taken. last reports whether --count is reached.
func (v *view) take(messages []tap.Message) (n int, last bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for n < len(messages) && !last && len(v.lines) < maxOutput {
		if v.enter(&messages[n]) {
			v.found++
			last = v.options.enough(v.found)
		}
		n++
	}
	return n, last
}

// enter counts a message and appends its line. It reports whether the filter lets the message through. The caller holds
// mu.
func (v *view) enter(m *tap.Message) bool {
	v.untouched = max(v.untouched, 1) - 1
	v.totals.Seen++
	v.totals.Bytes += uint64(len(m.Payload))
	if v.found == 0 {
		v.seen.Add(m.Topic, len(m.Payload))
	}
	if !v.options.filter.takesPayload(m.Payload) {
		return false
	}
	as := m.Message()
	var line syslog.Line
	if v.reads {
		if line = syslog.Read(m.Topic, m.Payload, m.Received); v.sifts && !v.options.filter.takesLine(&line) {
			return false
		}
	}
	v.rates.Add(m.Topic, len(m.Payload))
	v.lines = v.printer.Append(v.lines, &as, &line)
	v.unwritten++
	return true
}

// flush writes the lines.
func (v *view) flush() error {
	if len(v.lines) == 0 {
		return nil
	}
	_, err := v.out.Write(v.lines)
	v.lines = v.lines[:0]
	if err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.totals.Printed += v.unwritten
	v.unwritten = 0
	return nil
}

// summary returns the totals so far.
func (v *view) summary() terminal.Summary {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := v.totals
	s.Counted = v.options.rate
	s.Duration, s.Topics, s.More, s.Top = time.Since(v.began), v.rates.Topics(), v.rates.More(), v.rates.Top(3)
	return s
}
